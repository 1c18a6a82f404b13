import ArgumentParser
import Glibc
import Terminal

struct KeyAgentCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key-agent",
        abstract: "Holds an operator's private key, and opens sealed keys for commands on a server.",
        discussion: """
            Runs on the operator's own machine, where the private key is. SSH brings its socket to the server, where --operator-key \
            takes the socket in place of the file: the private key never leaves this machine, and the server gets only the keys \
            of the epochs that a command asks for, in that command's memory. Ctrl-C ends it.

            EXAMPLES
              qpc-metrics key-agent --operator-key operator.key --socket agent.sock
              ssh -R /run/user/1000/agent.sock:agent.sock server
              qpc-metrics events --user alice --operator-key /run/user/1000/agent.sock
            """)

    @OptionGroup var operatorKey: OperatorKeyOption

    @Option(
        help: ArgumentHelp("The Unix socket to listen at, which only this user can connect to.", valueName: "path"),
        completion: .file())
    var socket = "agent.sock"

    func run() throws {
        guard let secret = try operatorKey.secret() else {
            throw Failure(Failure.usage, "key-agent needs --operator-key: the private key to hold")
        }
        let listener = try OperatorAgent.listen(socket)
        AgentSocket.removeAtEnd(socket)
        Notice.say("holding \(secret.publicKey.text) at \(socket); Ctrl-C ends this")
        while true {
            let client = accept(listener, nil, nil)
            guard client >= 0 else {
                if errno == EINTR || errno == ECONNABORTED { continue }
                throw Failure(Failure.somethingWrong, "cannot listen at \(socket): \(String(cString: strerror(errno)))")
            }
            defer { close(client) }
            let opened = OperatorAgent.serve(client, secret)
            if opened > 0 { Notice.say("\(Quantity.count(UInt64(opened), "key")) opened") }
        }
    }
}

/// The agent's socket, which does not stay behind when a signal ends it.
private enum AgentSocket {
    // SAFETY: written by one thread before the handlers are set; read by a signal handler.
    nonisolated(unsafe) private static var path: UnsafeMutablePointer<CChar>?

    static func removeAtEnd(_ socket: String) {
        path = strdup(socket)
        for number in [SIGINT, SIGTERM, SIGHUP] {
            signal(number) { number in
                if let path = AgentSocket.path { unlink(path) }
                signal(number, SIG_DFL)
                raise(number)
            }
        }
    }
}
