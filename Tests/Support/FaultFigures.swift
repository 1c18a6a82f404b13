import Foundation

/// What a fault cost, one line per test, appended to the file that `QPC_FIGURES` names; `scripts/faults` makes its table from
/// them. Without that variable nothing is written.
public enum FaultFigures {
    /// - Parameter tries: how often the fault was brought about.
    /// - Parameter lost: events whose hook had returned, but which neither the log nor a counter accounts for.
    /// - Parameter counted: events that were dropped and counted.
    /// - Parameter twice: events that are in the log more than once.
    /// - Parameter healed: seconds until events were in the log again.
    public static func record(
        _ fault: String, tries: Int, lost: UInt64 = 0, counted: UInt64 = 0, twice: UInt64 = 0, healed: Double? = nil
    ) {
        guard let path = BuiltProducts.setting("QPC_FIGURES") else { return }
        let time = healed.map { String(format: "%.2f s", $0) } ?? ""
        let line = [fault, "\(tries)", "\(lost)", "\(counted)", "\(twice)", time].joined(separator: "\t") + "\n"
        let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { fatalError("QPC_FIGURES names \(path), which cannot be written") }
        defer { close(descriptor) }
        // One write, so that tests running in parallel do not mix their lines.
        _ = Array(line.utf8).withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    }

    /// A number that the environment can set, so that the campaign is the same tests with larger ones.
    public static func count(_ variable: String, usually: Int) -> Int {
        BuiltProducts.setting(variable).flatMap { Int($0) } ?? usually
    }
}
