import NIOCore
import NIOSSL

/// The TLS setup of connections.
struct TLSContext: Sendable {
    private let context: NIOSSLContext
    private let takesAnyCertificate: Bool

    /// Reads the certificates and the key.
    /// - Throws: `ExporterError.badWebConfig`.
    init(_ settings: WebConfig.TLS) throws(ExporterError) {
        let chain = try Self.certificates(settings.certFile, "cert_file")
        let key: NIOSSLPrivateKey
        do {
            key = try NIOSSLPrivateKey(file: settings.keyFile, format: .pem)
        } catch {
            throw .badWebConfig("key_file \(settings.keyFile) cannot be read, or is not a private key in PEM format")
        }
        var tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        tls.minimumTLSVersion = settings.minVersion == .tls13 ? .tlsv13 : .tlsv12
        tls.maximumTLSVersion = settings.maxVersion.map { $0 == .tls13 ? .tlsv13 : .tlsv12 }
        tls.applicationProtocols = ["http/1.1"]
        tls.renegotiationSupport = .none
        // A client that never sends close_notify holds its socket no longer than this.
        tls.shutdownTimeout = .seconds(1)
        if !settings.cipherSuites.isEmpty { tls.cipherSuiteValues = try Self.ciphers(settings.cipherSuites) }
        if !settings.curves.isEmpty { tls.curves = try Self.curves(settings.curves) }
        if let path = settings.clientCAFile {
            tls.trustRoots = .certificates(try Self.certificates(path, "client_ca_file"))
            tls.sendCANameList = true
        }
        switch settings.clientAuth {
        case .none: tls.certificateVerification = .none
        case .request, .verifyIfGiven: tls.certificateVerification = .optionalVerification
        case .requireAny, .requireAndVerify: tls.certificateVerification = .noHostnameVerification
        }
        takesAnyCertificate = settings.clientAuth == .request || settings.clientAuth == .requireAny
        do {
            context = try NIOSSLContext(configuration: tls)
        } catch {
            throw .badWebConfig(
                "cert_file \(settings.certFile) and key_file \(settings.keyFile) do not match, or TLS "
                    + "cannot be set up with them: \(error)")
        }
    }

    func handler() -> NIOSSLServerHandler {
        if takesAnyCertificate {
            return NIOSSLServerHandler(
                context: context, customVerificationCallback: { _, promise in promise.succeed(.certificateVerified) })
        }
        return NIOSSLServerHandler(context: context)
    }

    private static func certificates(_ path: String, _ key: String) throws(ExporterError) -> [NIOSSLCertificate] {
        do {
            let certificates = try NIOSSLCertificate.fromPEMFile(path)
            if !certificates.isEmpty { return certificates }
        } catch {}
        throw .badWebConfig("\(key) \(path) cannot be read, or holds no certificate in PEM format")
    }

    // MARK: Names as in Go's crypto/tls

    private static let cipherNames: [(name: String, cipher: NIOTLSCipher)] = [
        ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", .TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
        ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", .TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
        ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", .TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
        ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", .TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
        ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", .TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
        ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", .TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
    ]
    /// These cannot be selected, nor can they in Go: TLS 1.3 always offers them all.
    private static let tls13CipherNames = [
        "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
    ]

    private static func ciphers(_ names: [String]) throws(ExporterError) -> [NIOTLSCipher] {
        var ciphers: [NIOTLSCipher] = []
        for name in names where !tls13CipherNames.contains(name) {
            let full = name.hasSuffix("CHACHA20_POLY1305") ? name + "_SHA256" : name
            guard let known = cipherNames.first(where: { $0.name == full }) else {
                throw .badWebConfig(
                    "cipher_suites: \(name) is unknown or unsafe; supported: "
                        + (cipherNames.map(\.name) + tls13CipherNames).joined(separator: ", "))
            }
            ciphers.append(known.cipher)
        }
        // Only TLS 1.3 suites were named: TLS 1.2 keeps its defaults.
        return ciphers.isEmpty ? cipherNames.map(\.cipher) : ciphers
    }

    private static func curves(_ names: [String]) throws(ExporterError) -> [NIOTLSCurve] {
        var curves: [NIOTLSCurve] = []
        for name in names {
            switch name {
            case "CurveP256": curves.append(.secp256r1)
            case "CurveP384": curves.append(.secp384r1)
            case "CurveP521": curves.append(.secp521r1)
            case "X25519": curves.append(.x25519)
            case "X25519MLKEM768": curves.append(.x25519_MLKEM768)
            default:
                throw .badWebConfig(
                    "curve_preferences: \(name) is unknown; supported: X25519MLKEM768, X25519, CurveP256, CurveP384, "
                        + "CurveP521")
            }
        }
        return curves
    }
}
