import Foundation

/// A directory that goes with its owner. Everybody may pass through it, because some tests have readers under other users.
public final class TemporaryDirectory: @unchecked Sendable {
    public let path: String

    public init() {
        var template = Array((NSTemporaryDirectory() + "/qpc-test-XXXXXX").utf8CString)
        guard let made = mkdtemp(&template) else { fatalError("no temporary directory can be made") }
        // One slash, so that paths in messages can be compared.
        path = String(cString: realpath(made, nil))
        chmod(path, 0o755)
    }

    deinit { Self.remove(path) }

    public func callAsFunction(_ name: String) -> String { path + "/" + name }

    public static func remove(_ path: String) { try? FileManager.default.removeItem(atPath: path) }
}

/// The mode's permission bits, or nil if there is no such file.
public func permissions(_ path: String) -> Int? {
    var status = stat()
    return lstat(path, &status) == 0 ? Int(status.st_mode & 0o7777) : nil
}

public func fileSize(_ path: String) -> Int? {
    var status = stat()
    return lstat(path, &status) == 0 ? Int(status.st_size) : nil
}

public func names(in directory: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).sorted()
}

public func read(_ path: String) throws -> [UInt8] {
    guard let data = FileManager.default.contents(atPath: path) else { throw TestFailure("cannot read \(path)") }
    return [UInt8](data)
}

/// Writes into the existing file, so that its owner and mode stay.
public func overwrite(_ path: String, with bytes: [UInt8]) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
    guard descriptor >= 0 else { throw TestFailure.system("open \(path)", errno) }
    defer { close(descriptor) }
    var sent = 0
    while sent < bytes.count {
        let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + sent, bytes.count - sent) }
        guard count > 0 else { throw TestFailure.system("write \(path)", errno) }
        sent += count
    }
}

/// Polls until the answer is yes, for what another process does on its own; the limit only ends a hopeless wait.
public func eventually(
    _ what: String, within seconds: Double = 60, every pause: Double = 0.002, _ condition: () throws -> Bool
) throws {
    let deadline = Date(timeIntervalSinceNow: seconds)
    while try !condition() {
        guard Date() < deadline else { throw TestFailure("it never came to be: \(what)") }
        usleep(UInt32(pause * 1e6))
    }
}
