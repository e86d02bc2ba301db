/// The version of the product.
public enum Version {
  /// As `intentd --version` says it.
  public static let current = "0.1.0"
}
