import EventLog
import MetricsMemory
import MetricsModel
import MetricsQuery
import Pseudonyms

/// The settings with which a command takes over a directory that no server holds. A copy that was restored without its
/// `identity.key` gets no new one: that would begin a key epoch that nobody asked for.
enum RestoredCopy {
    /// - Throws: `Failure` with code 66 if events are pending that can only be written under the missing key.
    static func settings(_ source: DataSource, _ live: LiveFileReader?) throws -> Settings {
        var settings = live?.header.settings ?? Settings()
        guard settings.identities == .pseudonym else { return settings }
        do {
            _ = try IdentityKeys.load(directory: source.directory)
            return settings
        } catch .missing {
        } catch {
            return settings
        }
        let pending = live.map { SnapshotReader.snapshot(of: $0, orLogIn: source).pending } ?? 0
        guard pending == 0 else {
            throw Failure(
                Failure.noInput,
                "identity.key is missing, and the pending events need it: put the file back, or start the server, "
                    + "which begins a new key epoch and recovers them")
        }
        // Nothing is written, so nothing needs a key.
        settings.identities = .none
        return settings
    }
}
