import CMachine
import MetricsModel

/// What went wrong with a mapped file: the operation, the path, and the system's error number.
public struct MemoryError: Error {
    public var operation: String
    public var path: String
    public var code: Int32
    /// The cause, where there is no error number.
    public var detail: String = ""
    /// Whether the file is intact, but of a newer format. It is left as it is.
    public private(set) var isNewer = false

    public init(operation: String, path: String, code: Int32, detail: String = "") {
        self.operation = operation
        self.path = path
        self.code = code
        self.detail = detail
    }

    init(_ newer: NewerFormat, path: String) {
        self.init(operation: "read", path: path, code: EPROTONOSUPPORT, detail: newer.words)
        isNewer = true
    }

    public var message: String {
        let cause = detail.isEmpty ? String(cString: strerror(code)) : detail
        return "cannot \(operation) \(path): \(cause)"
    }
}
