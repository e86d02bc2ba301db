/// The words that the demo's shop is made of.
enum ShopWords {
  /// A category: what its ids begin with, its name, the kinds of things in it, and what people look for beside them.
  struct Category: Sendable {
    let id: String
    let name: String
    let kinds: [String]
    /// Ids of two other categories.
    let accessories: [String]
  }

  /// Makers; each has a character that its items share.
  static let makers = [
    "Halden", "Brinkley", "Osterby", "Marlowe", "Tavira", "Kestrel", "Lindqvist", "Fennel & Rye", "Corvino", "Ashdown",
    "Pomona", "Sundgau",
  ]

  /// Styles; each has a character, too.
  static let styles = [
    "classic", "small", "organic", "handmade", "travel", "dark", "light", "rustic", "modern", "gift", "everyday",
    "limited",
  ]

  static let categories = [
    Category(
      id: "tea", name: "Tea", kinds: ["oolong", "black tea", "green tea", "rooibos", "herbal blend"],
      accessories: ["teaware", "biscuit"]),
    Category(
      id: "teaware", name: "Teaware", kinds: ["teapot", "tea strainer", "tea caddy", "kettle", "tea tray"],
      accessories: ["tea", "mug"]),
    Category(
      id: "coffee", name: "Coffee", kinds: ["espresso beans", "filter beans", "decaf beans", "ground coffee"],
      accessories: ["brewer", "mug"]),
    Category(
      id: "brewer", name: "Coffee makers",
      kinds: ["hand grinder", "dripper", "moka pot", "French press", "filter papers"],
      accessories: ["coffee", "mug"]),
    Category(
      id: "mug", name: "Mugs and cups", kinds: ["mug", "espresso cup", "beaker", "cup and saucer"],
      accessories: ["tea", "coffee"]),
    Category(
      id: "biscuit", name: "Biscuits", kinds: ["shortbread", "oat biscuits", "ginger snaps", "almond cantuccini"],
      accessories: ["tea", "chocolate"]),
    Category(
      id: "chocolate", name: "Chocolate", kinds: ["chocolate bar", "truffles", "drinking chocolate", "nougat"],
      accessories: ["biscuit", "coffee"]),
    Category(
      id: "spice", name: "Spices", kinds: ["curry powder", "smoked paprika", "pepper", "sea salt", "za'atar"],
      accessories: ["pan", "mill"]),
    Category(
      id: "mill", name: "Mills and mortars", kinds: ["pepper mill", "salt mill", "mortar", "nutmeg grater"],
      accessories: ["spice", "knife"]),
    Category(
      id: "pan", name: "Pots and pans", kinds: ["frying pan", "saucepan", "casserole", "wok", "lid"],
      accessories: ["spice", "apron"]),
    Category(
      id: "knife", name: "Knives",
      kinds: ["chef's knife", "paring knife", "bread knife", "whetstone", "cutting board"],
      accessories: ["pan", "apron"]),
    Category(
      id: "apron", name: "Kitchen linen", kinds: ["apron", "tea towel", "oven glove", "napkins"],
      accessories: ["pan", "bakeware"]),
    Category(
      id: "bakeware", name: "Baking", kinds: ["loaf tin", "cake ring", "rolling pin", "whisk", "proving basket"],
      accessories: ["apron", "chocolate"]),
    Category(
      id: "lamp", name: "Lamps", kinds: ["desk lamp", "floor lamp", "lantern", "lampshade"],
      accessories: ["cushion", "candle"]),
    Category(
      id: "candle", name: "Candles", kinds: ["pillar candle", "scented candle", "tea lights", "candle holder"],
      accessories: ["vase", "lamp"]),
    Category(
      id: "vase", name: "Vases and pots", kinds: ["vase", "plant pot", "bowl", "jug"],
      accessories: ["candle", "garden"]),
    Category(
      id: "cushion", name: "Cushions and throws", kinds: ["cushion", "throw", "blanket", "floor cushion"],
      accessories: ["lamp", "candle"]),
    Category(
      id: "notebook", name: "Notebooks", kinds: ["notebook", "diary", "sketchbook", "letter paper"],
      accessories: ["pen", "lamp"]),
    Category(
      id: "pen", name: "Pens", kinds: ["fountain pen", "ink", "pencil set", "pencil case", "rollerball"],
      accessories: ["notebook", "mug"]),
    Category(
      id: "garden", name: "Garden", kinds: ["trowel", "secateurs", "watering can", "seed box", "gloves"],
      accessories: ["vase", "apron"]),
  ]
}
