import TestSupport
import Testing

/// The newcomer's command.
@Suite struct DemoTests {
    let place = TemporaryDirectory()

    @Test func demoShowsItAllAndLeavesNothing() throws {
        let demo = try run([BuiltProducts.commandLine, "demo"], environment: ["TMPDIR": place.path])
        #expect(demo.status == 0 && demo.errors.isEmpty, "\(demo.errors)")
        for word in eventKinds + ["qpc_hook_calls_total", "ledger: exact", "log: sound", "mallory"] {
            #expect(demo.text.contains(word), "\(word)")
        }
        #expect(names(in: place.path).isEmpty)
    }

    @Test func demoCanLeaveItsDataToBeAskedFurther() throws {
        let demo = try run(
            [BuiltProducts.commandLine, "demo", "--keep", "--calls", "300", "--threads", "3"],
            environment: ["TMPDIR": place.path])
        #expect(demo.status == 0, "\(demo.errors)")
        let kept = names(in: place.path)
        try #require(kept.count == 1)
        let tool = CommandLineTool(place(kept[0]))
        try tool.verify()
        #expect(try tool.count() > 900)
        #expect(try tool.rows().allSatisfy { $0 > 0 })
    }

    @Test func demoSaysWhenThereIsNoPlugin() throws {
        let demo = try run([BuiltProducts.commandLine, "demo", "--plugin", place("none.so")])
        #expect(demo.status == 66 && demo.errorLines.count == 1, "\(demo.errors)")
    }
}
