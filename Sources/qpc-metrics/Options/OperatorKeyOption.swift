import ArgumentParser
import Pseudonyms

/// The operator's private key, which opens the sealed keys of pseudonyms. Read from a file or a descriptor, or asked of an agent;
/// never an argument: every user of the machine can see those.
struct OperatorKeyOption: ParsableArguments {
    @Option(
        name: .customLong("operator-key"),
        help: ArgumentHelp(
            "The operator's private key, which opens sealed keys: its file, - for standard input, /dev/fd/N for a descriptor, "
                + "or the socket of key-agent.",
            valueName: "file"),
        completion: .file())
    var file: String?

    @Option(
        name: .customLong("passphrase-file"),
        help: ArgumentHelp(
            "The private key's passphrase, as the first line of this file, of - or of /dev/fd/N; without it, the terminal asks.",
            valueName: "file"),
        completion: .file())
    var passphraseFile: String?

    /// Nil without the option. Standard input can only be read once, and nobody wants to type a passphrase twice.
    ///
    /// - Parameter other: another option of the command that takes a file, and its value.
    func secret(beside other: (option: String, file: String?)? = nil) throws -> OperatorSecret? {
        if let other, other.file == "-",
            let own = file == "-" ? "--operator-key" : passphraseFile == "-" ? "--passphrase-file" : nil
        {
            throw Failure(Failure.usage, "\(own) - and \(other.option) - cannot both read standard input")
        }
        guard let file else {
            if passphraseFile != nil {
                throw Failure(Failure.usage, "--passphrase-file needs --operator-key, whose passphrase it is")
            }
            return nil
        }
        if let known = Self.known, known.file == file { return known.secret }
        if file == "-", passphraseFile == "-" {
            throw Failure(Failure.usage, "--operator-key - and --passphrase-file - cannot both read standard input")
        }
        let secret = OperatorAgent.isSocket(file) ? try OperatorAgent.connect(file) : try Self.read(file, passphraseFile)
        Self.known = (file, secret)
        return secret
    }

    /// A command reads its options on one thread.
    nonisolated(unsafe) private static var known: (file: String, secret: OperatorSecret)?

    private static func read(_ file: String, _ passphraseFile: String?) throws -> OperatorSecret {
        let content = try SecretInput.file(file)
        var passphrase: SecretBytes?
        if OperatorSecret.isLocked(content) {
            passphrase = try passphraseFile.map { try SecretInput.passphrase($0) } ?? SecretInput.ask("Passphrase of \(file): ")
        }
        do {
            return try OperatorSecret.read(content, passphrase: passphrase)
        } catch {
            switch error {
            case .notAKey:
                throw Failure(
                    Failure.usage,
                    "\(file) has no operator's private key: expected a file that qpc-metrics keygen made, with a line "
                        + "that begins with QPC-OPERATOR-SECRET- or QPC-OPERATOR-LOCKED-")
            case .wrongPassphrase: throw Failure(Failure.noPermission, "this is not the passphrase of \(file)")
            case .locked:
                throw Failure(
                    Failure.noPermission, "\(file) has a passphrase, and there is no terminal to ask for it: --passphrase-file")
            case .memory(let size):
                throw Failure(Failure.somethingWrong, "the passphrase of \(file) needs \(size >> 10) MiB of memory to check")
            case .random: throw Failure(Failure.somethingWrong, "the system gave no random bytes")
            }
        }
    }
}
