import Foundation
import TestSupport
import Testing

/// Every command that a runbook tells people to run, run: in the night of the demo's attack, when they would be.
@Suite struct RunbookTests {
    /// Commands on the page that only name one, or go on for ever.
    private static let named: Set<String> = [
        "qpc-metrics serve", "qpc-metrics prometheus --output … --every …", "qpc-metrics events", "qpc-metrics forget",
        "qpc-metrics ship",
    ]
    /// Those that say by their exit code that something is wrong: the demo's server does not run.
    private static let judges = ["status", "doctor"]

    @Test func everyCommandOfTheRunbooksCanBeRun() throws {
        let night = try DemoNight()
        let page = String(decoding: try read(BuiltProducts.packageRoot + "/docs/RUNBOOKS.md"), as: UTF8.self)
        let commands = Set(page.matches(of: /`(qpc-metrics [^`]+)`/).map { String($0.output.1).replacing("\n", with: " ") })
        let pseudonym = try night.ask("qpc-metrics count --failed --since -1d --by user --top 1 -o csv").lines.last?
            .prefix { $0 != "," }
        for command in commands.subtracting(Self.named).sorted() where !command.contains("--salvage") {
            var line = command.replacing("PSEUDONYM", with: try #require(pseudonym)).replacing("FILE", with: "qpc.prom")
            if line == "qpc-metrics top" { line += " --once" }
            if line.hasPrefix("qpc-metrics prune") { line += " --yes" }
            let outcome = try night.ask(line)
            let word = line.split(separator: " ")[1]
            let isRight = outcome.status == 0 || (outcome.status == 1 && Self.judges.contains(String(word)))
            #expect(isRight, "\(line): \(outcome.status), \(outcome.text)")
        }
        #expect(commands.count > 30, "\(commands.count)")
    }

    /// What the runbooks of failed logins ask shows the attack.
    @Test func theAttackIsFoundByItsRunbook() throws {
        let night = try DemoNight()
        let page = String(decoding: try read(BuiltProducts.packageRoot + "/docs/RUNBOOKS.md"), as: UTF8.self)
        let start = try #require(page.range(of: "\n## QpcLoginFailures\n"))
        let section = page[start.upperBound...].prefix(while: { _ in true }).components(separatedBy: "\n## ")[0]
        let commands = section.matches(of: /`(qpc-metrics [^`]+)`/).map { String($0.output.1) }
        #expect(commands.count > 5)
        for command in commands {
            let outcome = try night.ask(command)
            #expect(outcome.status == 0 && !outcome.text.contains("note: no events"), "\(command): \(outcome.text)")
        }
        let users = try night.ask(try #require(commands.first { $0.contains("--by user --top") }))
        #expect(users.lines.contains { $0.contains("(alice)") }, "\(users.text)")
    }
}
