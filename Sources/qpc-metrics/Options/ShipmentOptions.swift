import ArgumentParser
import MetricsQuery
import Shipping

/// Which shippers `status` and `doctor` report.
struct ShipmentOptions: ParsableArguments {
    @Option(
        name: .customLong("cursor-file"), parsing: .singleValue,
        help: ArgumentHelp(
            "Also report the shipper with this cursor file; those of qpc-metrics-ship@.service are found without it.",
            valueName: "file"), completion: .file())
    var cursorFiles: [String] = []

    /// The shippers of a data directory.
    func findings(_ source: DataSource) -> [ShipmentFinding] {
        let files = Shipment.files().filter { !cursorFiles.contains($0) }.map { ($0, false) } + cursorFiles.map { ($0, true) }
        return files.compactMap { path, isGiven -> ShipmentFinding? in
            do throws(Shipment.Trouble) {
                if let shipment = try Shipment(path, of: source) { return .shipment(shipment) }
                return isGiven ? .unknown(path: path, "\(path) is the cursor of another data directory's log") : nil
            } catch {
                return .unknown(path: path, error.message)
            }
        }
    }
}
