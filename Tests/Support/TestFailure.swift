import Glibc

/// A failure after which a test cannot continue.
public struct TestFailure: Error, CustomStringConvertible {
    public var description: String

    public init(_ description: String) { self.description = description }

    public static func system(_ operation: String, _ code: Int32) -> TestFailure {
        TestFailure("\(operation): \(String(cString: strerror(code)))")
    }
}
