/// The web configuration file of the Prometheus exporter toolkit, as far as it concerns this exporter.
///
/// Source: https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md
struct WebConfig: Equatable {
    enum ClientAuth: String, CaseIterable {
        case none = "NoClientCert"
        case request = "RequestClientCert"
        case requireAny = "RequireAnyClientCert"
        case verifyIfGiven = "VerifyClientCertIfGiven"
        case requireAndVerify = "RequireAndVerifyClientCert"

        var verifies: Bool { self == .verifyIfGiven || self == .requireAndVerify }
    }

    enum Version: String, CaseIterable, Comparable {
        case tls12 = "TLS12"
        case tls13 = "TLS13"

        static func < (left: Version, right: Version) -> Bool { left.rawValue < right.rawValue }
    }

    struct TLS: Equatable {
        /// Absolute, or relative to the configuration file.
        var certFile = ""
        var keyFile = ""
        var clientCAFile: String?
        var clientAuth = ClientAuth.none
        var minVersion = Version.tls12
        var maxVersion: Version?
        var cipherSuites: [String] = []
        var curves: [String] = []
    }

    var tls: TLS?
    /// User names, and their bcrypt hashes.
    var users: [String: String] = [:]
    var headers: [Header] = []
    /// There was nothing in the file.
    var isEmpty = true
    /// The file asks for HTTP/2, which this exporter does not speak.
    var wantsHTTP2 = false

    struct Header: Equatable {
        var name: String
        var value: String
    }
}
