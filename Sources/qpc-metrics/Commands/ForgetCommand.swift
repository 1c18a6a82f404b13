import ArgumentParser
import EventDrain
import EventLog
import EventSearch
import MetricsModel
import MetricsQuery
import Pseudonyms
import Readings
import Terminal

struct ForgetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forget",
        abstract: "Removes a person from the log: every event that involves them, and their names.",
        discussion: """
            Someone who registered is removed both as a user and under each of their keys, whichever one you give. If \
            the pseudonyms' key was rotated since, this holds for the key epoch of the registration; in other epochs only \
            what you give is found, so give the user and then each key. Afterwards nothing refers to the person: no row, sum, \
            WAL, ring or free page. Counters do not change, and the ledger counts what was removed. While a server runs, the \
            command asks its plugin to do it; what the person does from then on is recorded again. Earlier copies are not \
            reached: backups, exports, quarantined logs.

            On a terminal it first shows what will be removed, and asks. From a script it does not ask; --dry-run only shows. \
            -o json prints a receipt, which names nobody.

            Every user of this machine can see the arguments of a running command, as with ps. --user-file keeps a name out of \
            them: it reads names from a file, or from standard input, one on each line, and removes one person after another. \
            Then the command exits with 1 if the log does not know one of them.

            EXAMPLES
              qpc-metrics forget --user alice --dry-run
              qpc-metrics forget --user alice
              qpc-metrics forget --user-file - < names.txt
              qpc-metrics forget --identity 9f86d081884c7d659a2feaa0c55ad015 --yes
            """)

    @OptionGroup var directory: DirectoryOptions

    @Option(parsing: .unconditional, help: ArgumentHelp("A user's name or pseudonym.", valueName: "name"))
    var user: String?

    @Option(
        name: .customLong("user-file"),
        help: ArgumentHelp("A file with a user's name on each line; - for standard input.", valueName: "file"),
        completion: .file())
    var userFile: String?

    @Option(parsing: .unconditional, help: ArgumentHelp("A key or its pseudonym, in full.", valueName: "hex"))
    var identity: String?

    @OptionGroup var operatorKey: OperatorKeyOption

    @OptionGroup var removal: RemovalOptions

    private static let nobody =
        "no such name in the log; nothing was removed. Check the spelling; events under a deleted key cannot be found"

    func run() throws {
        guard let userFile else { return try forget(request(), user: user) }
        guard user == nil, identity == nil else {
            throw Failure(Failure.usage, "--user-file cannot be used with --user or --identity")
        }
        let names = try UserFile.names(userFile, for: "forget")
        var unknown = 0
        for name in names {
            do {
                try forget(.forgetUser(Array(name.utf8)), user: name)
            } catch is NobodyFound {
                unknown += 1
            }
        }
        guard unknown > 0 else { return }
        throw Failure(
            Failure.somethingWrong,
            "the log does not know \(unknown) of \(Quantity.count(UInt64(names.count), "name")); "
                + "events under a deleted key cannot be found")
    }

    /// Only with --user-file, where others may follow.
    private struct NobodyFound: Error {}

    private var nobodyFound: any Error { userFile == nil ? Failure(Failure.somethingWrong, Self.nobody) : NobodyFound() }

    private func forget(_ request: ControlClient.Request, user: String?) throws {
        let work = LogWork(directory: directory, request: request, also: try sealedForms(request))
        let preview = try preview(user)
        try work.requireDirectory()
        if removal.isDryRun, let preview, preview.users + preview.identities == 0 { throw nobodyFound }
        guard try removal.goesOn("forget", preview, directory: directory.path) else { return }
        let outcome = try work.run { outcome, problem in
            guard removal.output == .json, outcome.users + outcome.identities > 0 else { return }
            try StandardOutput.write(RemovalText.json("forget", outcome, directory: directory.path, problem: problem).line)
        }
        guard outcome.users + outcome.identities > 0 else { throw nobodyFound }
        guard removal.output == .text else { return }
        let names = RemovalText.names(UInt64(clamping: outcome.users), UInt64(clamping: outcome.identities))
        try StandardOutput.write("\(Quantity.count(UInt64(clamping: outcome.events), "event")) removed, under \(names)\n")
    }

    private func request() throws -> ControlClient.Request {
        switch (user, identity) {
        case (let user?, nil):
            guard !user.isEmpty, user.utf8.count <= 256 else {
                throw Failure.invalid(user, for: "--user", "expected 1–256 bytes")
            }
            return .forgetUser(Array(user.utf8))
        case (nil, let identity?):
            guard let bytes = Hexadecimal.decode(identity), bytes.count <= 256 else {
                throw Failure.invalid(identity, for: "--identity", EventFilterOptions.expectedWholeHexadecimal)
            }
            return .forgetIdentity(bytes)
        default:
            throw Failure(Failure.usage, "forget needs one of --user, --user-file or --identity; see qpc-metrics forget --help")
        }
    }

    /// The same person's pseudonyms in sealed epochs: neither a running plugin nor this command's writer could compute them.
    private func sealedForms(_ request: ControlClient.Request) throws -> [ControlClient.Request] {
        guard let secret = try operatorKey.secret(beside: ("--user-file", userFile)) else {
            try sayWhatIsOutOfReach()
            return []
        }
        let search: PseudonymSearch
        do {
            search = try PseudonymSearch(directory: directory.path, opening: secret)
        } catch {
            throw Failure(Failure.noPermission, "cannot open the sealed keys: \(error.message)")
        }
        search.saySealed()
        let log = try querying { () throws(DataSourceError) in try directory.source.log() }
        /// Each is a search through the log, and there may be thousands of epochs.
        func known(_ name: [UInt8], _ kind: NameKind) throws -> [String] {
            try search.pseudonyms(of: name).filter { pseudonym in
                guard let log else { return true }
                return try queryingLog { () throws(LogError) in try log.kinds(ofPseudonym: pseudonym) }.contains(kind)
            }
        }
        switch request {
        case .forgetUser(let name): return try known(name, .user).map { .forgetUser(Array($0.utf8)) }
        case .forgetIdentity(let key):
            return try known(key, .identity).compactMap { Hexadecimal.decode($0).map { .forgetIdentity($0) } }
        case .prune, .rebuild: return []
        }
    }

    /// A running plugin has the key of the epoch under way. Without the private key, nobody reaches the epochs before it.
    private func sayWhatIsOutOfReach() throws {
        let resolver = TermResolver(directory: directory.path)
        guard !directory.source.isHeld else { return SealedNote.say(resolver.sealedEpochs - 1) }
        let given = user ?? identity ?? ""
        guard resolver.isSealed, userFile != nil || !TermResolver.isPseudonym(given) else { return resolver.saySealed() }
        throw Failure(Failure.noPermission, "cannot look up \(userFile ?? given): \(TermResolver.sealed), or give a pseudonym")
    }

    /// Nil without a log, and if this user may not read the key: the plugin may.
    private func preview(_ user: String?) throws -> RemovalPreview? {
        let found = try querying { () throws(DataSourceError) in try directory.source.log() }
        guard let log = found else { return nil }
        let resolver = TermResolver(
            directory: directory.path, opening: try operatorKey.secret(), asking: PluginPseudonyms.asking(directory.path))
        if resolver.obstacle(in: log) != nil { return nil }
        var term = identity.flatMap { resolver.bytes($0) }
        // Only the whole name: several people may share a prefix.
        term?.prefix = nil
        return try queryingLog { () throws(LogError) in
            try RemovalPreview.forget(log, user: user.map { resolver.user($0) }, identity: term)
        }
    }
}
