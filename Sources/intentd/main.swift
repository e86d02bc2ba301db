// One call: what is written here belongs to the main actor, and callbacks of C do not.
Program.run()
