import Glibc
import TimeWords

/// One line on standard error.
enum Notice {
    static func say(_ message: String) {
        let shown = String(message.unicodeScalars.map { UnsafeScalars.contains($0.value) ? "?" : String($0) }.joined())
        let line = Array("qpc-metrics: \(shown)\n".utf8)
        _ = line.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
    }
}
