import ArgumentParser
import EventDrain
import Pseudonyms
import Terminal

struct ForgetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forget",
        abstract: "Removes a person from the log: every event that names them, and their names.",
        discussion: """
            Whoever registered is forgotten as user and under every key of theirs, whichever of them is given. Where the
            pseudonyms' key was rotated since, that holds for the epoch of the registration; in the others only what is
            given is found, so give the user, and then each key. What is left afterwards names them nowhere: not in rows,
            sums, the write-ahead file, rings or free pages. Counters stay; the ledger counts what left. While a server
            runs, the plugin is asked to do it, and what the person does from then on is recorded again. Copies made
            earlier are not reached: backups, exports, logs set aside.

            EXAMPLES
              qpc-metrics forget --user alice
              qpc-metrics forget --identity 9f86d081884c7d659a2feaa0c55ad015
            """)

    @OptionGroup var directory: DirectoryOptions

    @Option(parsing: .unconditional, help: ArgumentHelp("A user's name, or the pseudonym of one.", valueName: "name"))
    var user: String?

    @Option(parsing: .unconditional, help: ArgumentHelp("A key, or the pseudonym of one, whole.", valueName: "hex"))
    var identity: String?

    func run() throws {
        let request: ControlClient.Request
        switch (user, identity) {
        case (let user?, nil):
            guard !user.isEmpty, user.utf8.count <= 256 else {
                throw Failure(Failure.usage, "--user \(user) is not a user's name of 1 to 256 bytes")
            }
            request = .forgetUser(Array(user.utf8))
        case (nil, let identity?):
            guard let bytes = Hexadecimal.decode(identity), bytes.count <= 256 else {
                throw Failure(
                    Failure.usage,
                    "--identity \(identity) is not hexadecimal; give the bytes as digits 0-9 and a-f, two for each byte")
            }
            request = .forgetIdentity(bytes)
        default:
            throw Failure(Failure.usage, "forget needs one of --user and --identity")
        }
        let outcome = try LogWork(directory: directory, request: request).run()
        guard outcome.users + outcome.identities > 0 else {
            throw Failure(
                Failure.somethingWrong,
                "no such name in the log; nothing was removed. Check the spelling; events under a deleted key cannot be found"
            )
        }
        try StandardOutput.write(
            "\(outcome.events) events removed, of \(outcome.users) users and \(outcome.identities) identities\n")
    }
}
