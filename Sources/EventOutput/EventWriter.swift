import MetricsModel
import Readings

/// Prints events one by one, as they come from the log.
///
/// The first event is on its way before `write` returns; later ones wait for a large block, unless
/// the output is a terminal; all wait if the buffer is held. One who waits for more events, as `events -f` does, calls `flush`
/// first.
public protocol EventWriter: AnyObject {
    func write(_ event: borrowing LoggedEvent) throws(OutputError)
    /// Sends what is held back.
    func flush() throws(OutputError)
    /// Writes what the format wants at its end, and sends everything. No event may follow.
    func finish() throws(OutputError)
}
