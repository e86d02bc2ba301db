/* Load and clock of `make bench-daemon`, on librdkafka, because in Python they would eat the cores that are measured.
 *
 *   loadgen fill  BROKERS CLICKS-TOPIC CLICKS-FILE FIRST COUNT
 *   loadgen drain BROKERS PREDICTIONS-TOPIC COUNT SECONDS
 *   loadgen pace  BROKERS CLICKS-TOPIC PREDICTIONS-TOPIC CLICKS-FILE RATE WARM-UP-SECONDS SECONDS GRACE-SECONDS LINGER-MS
 *                 LATENCIES-FILE
 *
 * A file of clicks has lines `session TAB item`. Topics are new: offsets begin at 0.
 * What is to be known outside at the moment that it happens is a line on standard output: `ready`, `begin N`, `end N`; the last line is
 * a JSON object.
 */
#include "loadgen.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

int main(int count, char **arguments) {
  /* Ends with the driver, and sleeps as exactly as the kernel can. */
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_TIMERSLACK, 1UL);
  const char *what = count > 1 ? arguments[1] : "";
  if (!strcmp(what, "fill") && count == 7) fill(arguments + 2);
  else if (!strcmp(what, "drain") && count == 6) drain(arguments + 2);
  else if (!strcmp(what, "pace") && count == 12) pace(arguments + 2);
  else fail("fill, drain or pace, with their arguments: see main.c");
  fflush(stdout);
  /* Everything was delivered and read; handles end with the process. */
  _Exit(0);
}
