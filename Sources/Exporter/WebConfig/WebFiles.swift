import Glibc
import NIOConcurrencyHelpers

/// The contents of the web configuration's files when they were last read; they apply to every connection.
struct WebSettings: Sendable {
    var users: [String: String] = [:]
    var headers: [(name: String, value: String)] = []
    var tls: TLSContext?
}

/// The web configuration and the certificates that it names, reloaded when they change. One thread at a time.
final class WebFiles {
    private struct Stamp: Equatable {
        var device: UInt64 = 0
        var inode: UInt64 = 0
        var bytes: Int64 = -1
        var changedSeconds = 0
        var changedNanoseconds = 0

        init(_ path: String) {
            var status = stat()
            guard stat(path, &status) == 0 else { return }
            device = UInt64(status.st_dev)
            inode = UInt64(status.st_ino)
            bytes = Int64(status.st_size)
            changedSeconds = status.st_mtim.tv_sec
            changedNanoseconds = status.st_mtim.tv_nsec
        }
    }

    private let path: String
    private let log: ExporterLog
    private var config = WebConfig()
    private var stamps: [Stamp] = []
    /// Stamps that differ from `stamps`, as of the last check.
    private var fresh: [Stamp]?

    init(path: String, log: ExporterLog) {
        self.path = path
        self.log = log
    }

    /// For startup: reports whatever is wrong.
    /// - Throws: `ExporterError`.
    func load() throws(ExporterError) -> WebSettings {
        let (config, settings) = try read()
        self.config = config
        stamps = currentStamps()
        return settings
    }

    /// Nil if nothing has changed, or if the new contents cannot be used: then the previous settings stay in force.
    ///
    /// Waits until the files look the same twice, since an editor may be in the middle of writing.
    func reload(atOnce: Bool = false) -> WebSettings? {
        let now = currentStamps()
        guard now != stamps || atOnce else {
            fresh = nil
            return nil
        }
        guard now == fresh || atOnce else {
            fresh = now
            return nil
        }
        fresh = nil
        stamps = now
        do throws(ExporterError) {
            let (config, settings) = try read()
            // A file that is being replaced can be empty for a moment; that must not open any doors.
            if config.isEmpty, !self.config.isEmpty {
                throw .badWebConfig("\(path) is empty; to serve without TLS and passwords, restart the exporter")
            }
            if config.tls == nil, self.config.tls != nil {
                throw .badWebConfig("\(path) no longer has a tls_server_config; to serve without TLS, restart the exporter")
            }
            self.config = config
            stamps = currentStamps()
            log(.info, "the web configuration was reloaded", [("file", path)])
            return settings
        } catch {
            log(
                .error, "the web configuration has changed, but cannot be used; the previous settings stay in force",
                [("err", error.message)])
            return nil
        }
    }

    private func currentStamps() -> [Stamp] {
        var files = [path]
        if let tls = config.tls { files += [tls.certFile, tls.keyFile] + (tls.clientCAFile.map { [$0] } ?? []) }
        return files.map { Stamp($0) }
    }

    private func read() throws(ExporterError) -> (WebConfig, WebSettings) {
        let config = try WebConfigParser(path: path).parse(try Self.bytes(of: path))
        var settings = WebSettings()
        settings.users = config.users
        settings.headers = config.headers.map { ($0.name, $0.value) }
        if let tls = config.tls { settings.tls = try TLSContext(tls) }
        if config.wantsHTTP2 { log(.debug, "HTTP/2 is not supported; clients get HTTP/1.1") }
        return (config, settings)
    }

    private static let sizeLimit = 1 << 20

    private static func bytes(of path: String) throws(ExporterError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            let text = "--web.config.file \(path) cannot be read: \(String(cString: strerror(errno)))"
            throw errno == EACCES ? .noPermission(text) : .noWebConfig(text)
        }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: sizeLimit + 1)
        var filled = 0
        while filled < bytes.count {
            let count = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress! + filled, $0.count - filled) }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else {
                throw .noWebConfig("--web.config.file \(path) cannot be read: \(String(cString: strerror(errno)))")
            }
            if count == 0 { break }
            filled += count
        }
        guard filled <= sizeLimit else { throw .badWebConfig("--web.config.file \(path) is larger than 1 MiB") }
        return Array(bytes[..<filled])
    }
}
