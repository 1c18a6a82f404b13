/// The product's version: the plugin's, the command line's and the metrics'.
public enum Version {
    public static let current = "0.1.0"
}
