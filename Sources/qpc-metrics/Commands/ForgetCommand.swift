import ArgumentParser
import EventDrain
import Pseudonyms
import Terminal

struct ForgetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forget",
        abstract: "Removes a person from the log: every event that involves them, and their names.",
        discussion: """
            Someone who registered is removed both as a user and under every key of theirs, no matter which one you give. If \
            the pseudonyms' key was rotated since, this holds for the key epoch of the registration; in other epochs only \
            what you give is found, so give the user and then each key. Afterwards nothing refers to the person: no row, sum, \
            WAL, ring or free page. Counters do not change, and the ledger counts what was removed. While a server runs, the \
            command asks its plugin to do it; what the person does from then on is recorded again. Earlier copies are not \
            reached: backups, exports, quarantined logs.

            EXAMPLES
              qpc-metrics forget --user alice
              qpc-metrics forget --identity 9f86d081884c7d659a2feaa0c55ad015
            """)

    @OptionGroup var directory: DirectoryOptions

    @Option(parsing: .unconditional, help: ArgumentHelp("A user's name or pseudonym.", valueName: "name"))
    var user: String?

    @Option(parsing: .unconditional, help: ArgumentHelp("A key or its pseudonym, in full.", valueName: "hex"))
    var identity: String?

    func run() throws {
        let request: ControlClient.Request
        switch (user, identity) {
        case (let user?, nil):
            guard !user.isEmpty, user.utf8.count <= 256 else {
                throw Failure.invalid(user, for: "--user", "expected 1–256 bytes")
            }
            request = .forgetUser(Array(user.utf8))
        case (nil, let identity?):
            guard let bytes = Hexadecimal.decode(identity), bytes.count <= 256 else {
                throw Failure.invalid(identity, for: "--identity", EventFilterOptions.expectedHexadecimal)
            }
            request = .forgetIdentity(bytes)
        default:
            throw Failure(Failure.usage, "forget needs either --user or --identity")
        }
        let outcome = try LogWork(directory: directory, request: request).run()
        guard outcome.users + outcome.identities > 0 else {
            throw Failure(
                Failure.somethingWrong,
                "no such name in the log; nothing was removed. Check the spelling; events under a deleted key cannot be found")
        }
        let (users, identities) = (UInt64(clamping: outcome.users), UInt64(clamping: outcome.identities))
        try StandardOutput.write(
            Quantity.count(UInt64(clamping: outcome.events), "event") + " removed, of \(Quantity.count(users, "user")) and "
                + Quantity.count(identities, "identity", plural: "identities") + "\n")
    }
}
