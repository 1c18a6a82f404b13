import Foundation
import TestSupport
import Testing

/// Man pages and completions, as shipped in share/.
@Suite struct ShippedFilesTests {
    private static let share = BuiltProducts.packageRoot + "/share"
    private let commands = names(in: Self.share + "/man/man1").sorted().map { Self.share + "/man/man1/" + $0 }
    private let formats = names(in: Self.share + "/man/man5").sorted().map { Self.share + "/man/man5/" + $0 }

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
            let help = try CommandLineTool("/nowhere").succeed(words + ["--help"]).text
            let options = Set(help.matches(of: /\B--[a-z.\-]+/).map { String($0.output.dropFirst(2)) })
            for option in options where help.contains("  --\(option)") || help.contains(", --\(option)") {
                #expect(page.contains("-\(option)"), "\(path): --\(option); run scripts/man")
            }
        }
    }

    @Test func manPagesAreWhatTheCommandAndTheDocumentsSay() throws {
        guard try hasCommand("python3") else { return }
        let place = TemporaryDirectory()
        let root = BuiltProducts.packageRoot
        let made = try run(
            ["python3", root + "/packaging/man/generate.py", BuiltProducts.commandLine, root + "/docs", place("man")])
        #expect(made.status == 0, "\(made.errors)")
        let difference = try run(["diff", "-r", Self.share + "/man", place("man")])
        #expect(difference.status == 0, "run scripts/man: \(difference.text)")
    }

    /// One page for each command, each with what a reader looks for.
    @Test func everyCommandHasAPageForPeople() throws {
        let help = try CommandLineTool("/nowhere").succeed("--help").text
        let names = help.matches(of: /\n  ([a-z][a-z-]*) {3,}/).map { String($0.output.1) }
        #expect(names.count > 15)
        let pages = Set(commands.map { URL(fileURLWithPath: $0).deletingPathExtension().lastPathComponent })
        #expect(pages == Set(names.map { "qpc-metrics-" + $0 } + ["qpc-metrics"]))
        for path in commands + formats {
            let page = String(decoding: try read(path), as: UTF8.self)
            var sections = ["NAME", "DESCRIPTION", "SEE ALSO"]
            if commands.contains(path) { sections += ["SYNOPSIS", "OPTIONS", "EXIT STATUS"] }
            for section in sections { #expect(page.contains("\n.Sh \(section)\n"), "\(path): \(section)") }
            // The brief does not begin like a sentence, nor end like one.
            let brief = try #require(page.firstMatch(of: /\n\.Nd ([^\n]+)\n/)?.output.1, "\(path)")
            #expect(brief.first?.isLowercase == true && brief.last != ".", "\(path): \(brief)")
            for name in page.matches(of: /\n\.(?:It )?Xr (qpc-metrics[a-z-]*) ([15])/) {
                let there = (commands + formats).contains(
                    "\(Self.share)/man/man\(name.output.2)/\(name.output.1).\(name.output.2)")
                #expect(there, "\(path) refers to \(name.output.1)(\(name.output.2))")
            }
        }
        let settings = String(decoding: try read(Self.share + "/man/man5/qpc-metrics-settings.5"), as: UTF8.self)
        let source = BuiltProducts.packageRoot + "/Sources/MetricsPlugin/Configuration.swift"
        let known = String(decoding: try read(source), as: UTF8.self).matches(of: /Variable\("([A-Z_]+)"/)
            .map { "QPC_METRICS_PLUGIN_" + $0.output.1 }
        #expect(known.count > 10)
        for name in known { #expect(settings.contains("\n.It Ev \(name)\n"), "\(name)") }
    }

    @Test func manAndMandocShowThemWithoutAWarning() throws {
        for path in commands + formats {
            if try hasCommand("man") {
                let shown = try run(["man", "-l", path], environment: ["MANPAGER": "cat", "MANWIDTH": "100"])
                #expect(shown.status == 0 && shown.text.contains("NAME"), "\(path): \(shown.errors)")
                let warned = try run(
                    ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", path],
                    environment: ["LC_ALL": "C.UTF-8", "MANROFFSEQ": "", "MANWIDTH": "80"])
                #expect(warned.status == 0 && warned.errors.isEmpty, "\(path): \(warned.errors)")
            }
            if try hasCommand("lexgrog") {
                let name = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
                let indexed = try run(["lexgrog", path])
                #expect(indexed.status == 0 && indexed.text.contains(": \"\(name) - "), "\(path): \(indexed.text)")
            }
            if try hasCommand("mandoc") {
                // Its own pages are not installed where it looks.
                let linted = try run(["mandoc", "-T", "lint", path]).lines.filter { !$0.contains("referenced manual not found") }
                #expect(linted.isEmpty, "\(linted)")
            }
        }
    }

    /// Examples can be pasted: in the page as shown, they are whole, and what they call is a command with these options.
    @Test func examplesCanBePasted() throws {
        guard try hasCommand("man") else { return }
        var count = 0
        for path in commands {
            let shown = try run(
                ["man", "-l", path], environment: ["MANPAGER": "cat", "MANWIDTH": "80", "LC_ALL": "C.UTF-8"])
            let text = shown.text.replacing(/.\u{8}/, with: "")
            guard let examples = text.firstMatch(of: /\nEXAMPLES\n((?: {3,}.*\n|\n)+)/)?.output.1 else { continue }
            for line in examples.split(separator: "\n") {
                guard let start = line.firstRange(of: "qpc-metrics "), line[..<start.lowerBound].allSatisfy({ $0 == " " }) else {
                    continue
                }
                let command = String(line[start.lowerBound...].prefix { !"|>#".contains($0) })
                #expect(command.allSatisfy { $0.isASCII }, "\(path): \(command)")
                let words = command.split(separator: " ").dropFirst().map(String.init)
                let help = try CommandLineTool("/nowhere").succeed([words[0], "--help"]).text
                for word in words.dropFirst() where word.hasPrefix("--") {
                    let option = word.prefix { $0 != "=" }
                    #expect(help.contains(option), "\(path): \(command)")
                }
                count += 1
            }
        }
        #expect(count > 60)
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
