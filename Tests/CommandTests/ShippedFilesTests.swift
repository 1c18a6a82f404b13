import Foundation
import TestSupport
import Testing

/// Man pages and completions, as shipped in share/.
@Suite struct ShippedFilesTests {
    private static let share = BuiltProducts.packageRoot + "/share"
    private let commands = names(in: Self.share + "/man/man1").map { Self.share + "/man/man1/" + $0 }

    private func hasCommand(_ name: String) throws -> Bool {
        let found = try shell("command -v \(name)").status == 0
        if !found { skip("a check by \(name)", because: "there is no \(name)") }
        return found
    }

    @Test(
        "Completions are what the command says",
        arguments: [
            ("bash", "bash-completion/completions/qpc-metrics"), ("zsh", "zsh/site-functions/_qpc-metrics"),
            ("fish", "fish/vendor_completions.d/qpc-metrics.fish"),
        ])
    func completions(shell name: String, file: String) throws {
        let path = Self.share + "/" + file
        let said = try CommandLineTool("/nowhere").succeed("--generate-completion-script", name).output
        #expect(try read(path) == said, "run scripts/man")
        if try hasCommand(name) {
            let checked = try run([name, "-n", path])
            #expect(checked.status == 0, "\(checked.errors)")
        }
    }

    /// What bash offers for the last word of a command line.
    private func offers(_ words: String...) throws -> [String] {
        let script = """
            PATH=\(URL(fileURLWithPath: BuiltProducts.commandLine).deletingLastPathComponent().path):$PATH
            source \(Self.share)/bash-completion/completions/qpc-metrics
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}; COMPREPLY=()
            "$(complete -p qpc-metrics | sed 's/.*-F \\([^ ]*\\).*/\\1/')" qpc-metrics "${@: -1}" "${@: -2:1}"
            printf '%s\\n' "${COMPREPLY[@]}"
            """
        return try run(["bash", "-c", script, "bash", "qpc-metrics"] + words).lines
    }

    @Test func kindsClassesAndReasonsAreCompleted() throws {
        #expect(try offers("events", "--kind", "") == eventKinds)
        #expect(try offers("count", "--class", "r") == ["rate_limited"])
        let reasons = try offers("events", "--dir", Fixture.plain.place.path, "--reason", "inv")
        #expect(reasons == ["invalid"], "\(reasons)")
        #expect(try offers("events", "--dir", "/nowhere", "--reason", "") == [])
    }

    /// The command's page documents every option of every command.
    @Test func manPagesTellEveryOption() throws {
        #expect(commands.count > 8)
        for path in commands {
            let page = String(decoding: try read(path), as: UTF8.self)
            let name = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
            let words = [String(name.dropFirst("qpc-metrics-".count))].filter { !$0.isEmpty }
            if words.first == "help" { continue }
            let help = try CommandLineTool("/nowhere").succeed(words + ["--help"]).text
            let options = Set(help.matches(of: /\B--[a-z.\-]+/).map { String($0.output.dropFirst(2)) })
            for option in options where help.contains("  --\(option)") || help.contains(", --\(option)") {
                #expect(page.contains("-\(option)"), "\(path): --\(option); run scripts/man")
            }
        }
    }

    @Test func manShowsThem() throws {
        guard try hasCommand("man") else { return }
        for path in commands {
            let shown = try run(["man", "-l", path], environment: ["MANPAGER": "cat", "MANWIDTH": "100"])
            #expect(shown.status == 0 && shown.text.contains("NAME"), "\(path): \(shown.errors)")
        }
    }

    @Test func installPutsAllIntoPlaceAndTakesItAway() throws {
        let place = TemporaryDirectory()
        let install = BuiltProducts.packageRoot + "/scripts/install"
        let environment = ["QPC_INSTALL_BUILT": "1"]
        let made = try run([install, "--prefix", place("here")], environment: environment)
        #expect(made.status == 0, "\(made.errors)")
        for name in ["bin/qpc-metrics", "lib/quicprochat/plugins/libMetricsPlugin.so", "share/man/man1/qpc-metrics.1"] {
            #expect(fileSize(place("here/" + name)) ?? 0 > 0, "\(name)")
        }
        #expect(try run([place("here/bin/qpc-metrics"), "--version"]).status == 0)
        #expect(try run([install, "--prefix", place("here"), "--uninstall"], environment: environment).status == 0)
        #expect(try shell("find \(place("here")) -type f").lines.isEmpty)
    }
}
