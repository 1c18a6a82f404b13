import NIOCore
import NIOPosix
import NIOSSL

/// Why a server gave no answer.
public enum HTTPError: Error, Equatable {
    /// Nothing could be reached there; with the system's error text.
    case unreachable(String)
    case timeout
    /// The connection was closed without a response.
    case closed
    case cutShort
    case tooLarge
    case notHTTP
    /// The server speaks TLS, and was asked in plain text.
    case speaksTLS
    /// The server does not speak TLS, and was asked over TLS.
    case speaksNoTLS
    /// Its certificate is not trusted, or is for another name.
    case certificate(String)
    case tls(String)
    case noAuthorities(path: String)

    /// What happened, as the end of a sentence that names the address.
    public var message: String {
        switch self {
        case .unreachable(let cause): cause
        case .timeout: "no response in time"
        case .closed: "it closed the connection without responding"
        case .cutShort: "its response was cut short"
        case .tooLarge: "its response is too large"
        case .notHTTP: "its response is not HTTP"
        case .speaksTLS: "it uses TLS"
        case .speaksNoTLS: "it does not use TLS"
        case .certificate(let cause): "its certificate is not trusted (\(cause))"
        case .tls(let cause): "TLS fails (\(cause))"
        case .noAuthorities(let path): "\(path) cannot be read, or holds no certificate in PEM format"
        }
    }

    /// Any error of a connection.
    init(_ error: any Error) {
        switch error {
        case let error as HTTPError: self = error
        case let error as NIOConnectionError: self = .unreachable(Self.words(error))
        case let error as IOError: self = .unreachable(Self.words(error))
        case ChannelError.connectTimeout: self = .timeout
        case let error as NIOSSLExtraError where error == .failedToValidateHostname:
            self = .certificate("it is for a different host name")
        default: self.init(tls: "\(error)")
        }
    }

    /// - Parameter text: BoringSSL's message, which names the reason in capitals.
    private init(tls text: String) {
        let isOf = { (reason: String) in text.contains(reason) }
        if isOf("CERTIFICATE_VERIFY_FAILED") {
            self = .certificate("it is not signed by a trusted CA, or has expired")
        } else if isOf("WRONG_VERSION_NUMBER") || isOf("HTTP_REQUEST") {
            self = .speaksNoTLS
        } else if isOf("CERTIFICATE_REQUIRED") || isOf("BAD_CERTIFICATE") {
            self = .tls("it requires a client certificate")
        } else {
            self = .tls(text)
        }
    }

    private static func words(_ error: IOError) -> String { String(cString: strerror(error.errnoCode)) }

    private static func words(_ error: NIOConnectionError) -> String {
        for failure in error.connectionErrors {
            if let cause = failure.error as? IOError { return words(cause) }
            if case ChannelError.connectTimeout = failure.error { return "no response in time" }
        }
        return "host \(error.host) not found"
    }
}
