import ArgumentParser
import Glibc
import Pseudonyms

struct KeygenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keygen",
        abstract: "Makes an operator's key pair, to which the keys of pseudonyms are sealed.",
        discussion: """
            Writes the private key to a new file, mode 0600, and prints the public key. The server gets only the public key, as \
            QPC_METRICS_PLUGIN_OPERATOR_KEY: from then on its disk has the keys of pseudonyms only sealed, and whoever takes \
            the machine cannot test a name against the log. With --operator-key FILE, the private key opens them for events, \
            count, stats, whois, forget and privacy-report.

            Make the pair on another machine than the server, and keep a copy of the private key: nothing else opens what was \
            sealed. A passphrase locks the file (Argon2id, 256 MiB, and secretbox).

            EXAMPLES
              qpc-metrics keygen --output operator.key
              qpc-metrics keygen --output operator.key --passphrase
              qpc-metrics keygen --public operator.key
            """)

    @Option(
        name: .shortAndLong, help: ArgumentHelp("The private key's file, which must not exist yet.", valueName: "file"),
        completion: .file())
    var output = "operator.key"

    @Flag(help: "Lock the file with a passphrase, which the terminal asks for.")
    var passphrase = false

    @Option(
        name: .customLong("passphrase-file"),
        help: ArgumentHelp(
            "Lock the file with a passphrase: the first line of this file, of - or of /dev/fd/N.", valueName: "file"),
        completion: .file())
    var passphraseFile: String?

    @Option(
        name: .customLong("public"),
        help: ArgumentHelp("Make nothing, and print the public key of this private key's file.", valueName: "file"),
        completion: .file())
    var existing: String?

    func run() throws {
        if let existing {
            var option = OperatorKeyOption()
            option.file = existing
            option.passphraseFile = passphraseFile
            guard let secret = try option.secret() else { return }
            return try StandardOutput.write(secret.publicKey.text + "\n")
        }
        let locking = try askedPassphrase()
        let secret: OperatorSecret
        let line: SecretBytes
        do {
            secret = try OperatorSecret.make()
            line = try secret.line(passphrase: locking)
        } catch {
            throw Failure(Failure.somethingWrong, "cannot make a key: not enough memory, or no random bytes")
        }
        try write(line, secret.publicKey.text)
        try StandardOutput.write(secret.publicKey.text + "\n")
        Notice.say(
            "the private key is in \(output): keep it off the server, and keep a copy; "
                + "set QPC_METRICS_PLUGIN_OPERATOR_KEY to the public key, above")
    }

    private func askedPassphrase() throws -> SecretBytes? {
        if let passphraseFile { return try SecretInput.passphrase(passphraseFile) }
        guard passphrase else { return nil }
        guard let first = try SecretInput.ask("Passphrase: "), let second = try SecretInput.ask("Again: ") else {
            throw Failure(Failure.usage, "there is no terminal to ask for a passphrase: --passphrase-file")
        }
        guard first.bytes.elementsEqual(second.bytes) else {
            throw Failure(Failure.usage, "the two passphrases differ; nothing was made")
        }
        return first
    }

    private func write(_ line: SecretBytes, _ publicKey: String) throws {
        let descriptor = open(output, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            let isThere = errno == EEXIST
            throw Failure(
                Failure.somethingWrong,
                isThere
                    ? "\(output) exists already, and a private key is never overwritten: give another --output"
                    : "cannot make \(output): \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        fchmod(descriptor, 0o600)
        let head =
            "# An operator's private key of qpc-metrics: keep it secret, off the server, and keep a copy.\n# \(publicKey)\n"
        let isWritten =
            Glibc.write(descriptor, head, head.utf8.count) == head.utf8.count
            && Glibc.write(descriptor, line.start, line.count) == line.count && Glibc.write(descriptor, "\n", 1) == 1
            && fsync(descriptor) == 0
        guard isWritten else {
            let code = errno
            unlink(output)
            throw Failure(Failure.somethingWrong, "cannot write \(output): \(String(cString: strerror(code)))")
        }
    }
}
