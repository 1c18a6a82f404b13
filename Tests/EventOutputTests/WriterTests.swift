import EventOutput
import MetricsModel
import Testing

@Suite struct WriterTests {
    @Test func ndjsonHasOneObjectALine() throws {
        let (a, b, r) = (Sample.alice, Sample.bob, Sample.room)
        #expect(
            try Sample.print(.ndjson, Sample.all) == """
                {"id":1,"time":"2026-11-22T21:53:34.123456Z","kind":"message_enqueue","sender":"\(a)",\
                "recipient":"\(b)","channel":"\(r)","bytes":18446744073709551615,"seq":42}
                {"id":2,"time":"2026-11-22T21:53:34.999999Z","kind":"batch_enqueue","recipient":"\(b)",\
                "channel":"\(r)","bytes":0,"seq":7,"batch":2,"batch_size":3}
                {"id":3,"time":"2026-11-22T21:53:34.123456Z","kind":"auth","user":"alice","ok":false,\
                "reason":"bad \\"password\\", again"}
                {"id":4,"time":"2026-11-22T21:53:34.123456Z","kind":"auth","user":"alice","ok":true}
                {"id":5,"time":"2026-11-22T21:53:34.123456Z","kind":"channel_created","channel":"\(r)",\
                "initiator":"\(a)","peer":"\(b)","new":true}
                {"id":6,"time":"2026-11-22T21:53:34.123456Z","kind":"fetch","recipient":"\(b)",\
                "channel":"\(r)","count":1}
                {"id":9223372036854775807,"time":"1970-01-01T00:00:00.000000Z","kind":"user_registered",\
                "user":"alice","identity":"\(a)"}

                """)
        #expect(try Sample.print(.ndjson, []) == "")
    }

    @Test func jsonIsOneArray() throws {
        #expect(try Sample.print(.json, []) == "[]\n")
        let lines = try Sample.print(.ndjson, Sample.all).split(separator: "\n")
        #expect(
            try Sample.print(.json, Sample.all) == "[\n" + lines.joined(separator: ",\n") + "\n]\n")
        #expect(try Sample.print(.json, [Sample.all[3]]) == "[\n" + lines[3] + "\n]\n")
    }

    @Test func csvHasAColumnForEveryField() throws {
        let (a, b, r) = (Sample.alice, Sample.bob, Sample.room)
        let header =
            "id,time,kind,sender,recipient,channel,bytes,seq,batch,batch_size,user,ok,reason,initiator,peer,"
            + "new,count,identity\r\n"
        let time = "2026-11-22T21:53:34.123456Z"
        #expect(try Sample.print(.csv, []) == header)
        #expect(
            try Sample.print(.csv, Sample.all) == header
                + "1,\(time),message_enqueue,\(a),\(b),\(r),18446744073709551615,42,,,,,,,,,,\r\n"
                + "2,2026-11-22T21:53:34.999999Z,batch_enqueue,,\(b),\(r),0,7,2,3,,,,,,,,\r\n"
                + "3,\(time),auth,,,,,,,,alice,false,\"bad \"\"password\"\", again\",,,,,\r\n"
                + "4,\(time),auth,,,,,,,,alice,true,,,,,,\r\n"
                + "5,\(time),channel_created,,,\(r),,,,,,,,\(a),\(b),true,,\r\n"
                + "6,\(time),fetch,,\(b),\(r),,,,,,,,,,,1,\r\n"
                + "9223372036854775807,1970-01-01T00:00:00.000000Z,user_registered,,,,,,,,alice,,,,,,,\(a)\r\n"
        )
    }

    @Test func tableAlignsItsColumns() throws {
        #expect(
            try Sample.print(.table, Array(Sample.all.prefix(6)), full: false) == """
                      ID  LOCAL TIME               KIND             WHO            PEER           CHANNEL        DETAILS
                       1  2026-11-22 22:53:34.123  message_enqueue  9f86d081884c…  5e884898da28…  3a7bd3e2360a…  18446744073709551615 B, seq 42
                       2  2026-11-22 22:53:34.999  batch_enqueue    -              5e884898da28…  3a7bd3e2360a…  0 B, seq 7, batch 2 of 3 messages
                       3  2026-11-22 22:53:34.123  auth             alice          -              -              failed: bad "password", again
                       4  2026-11-22 22:53:34.123  auth             alice          -              -              ok
                       5  2026-11-22 22:53:34.123  channel_created  9f86d081884c…  5e884898da28…  3a7bd3e2360a…  new
                       6  2026-11-22 22:53:34.123  fetch            5e884898da28…  -              3a7bd3e2360a…  1 message

                """)
        #expect(try Sample.print(.table, []) == "")
    }

    @Test("A line an event fits the terminal", arguments: [80, 100, 120, 200])
    func linesFitTheTerminal(columns: Int) throws {
        let batch = columns > 80 ? "  batch 2 of 3" : ""
        let (a, b, r) = columns >= 110 ? ("9f86d081884c", "5e884898da28", "3a7bd3e2360a") : ("9f86d081", "5e884898", "3a7bd3e2")
        #expect(
            try Sample.print(.table, Sample.all, toTerminal: true, columns: columns) == """
                ── Sunday 2026-11-22, local time
                22:53:34.123  message       \(a) → \(b)  #\(r)  16 EiB
                22:53:34.999  message       sealed sender → \(b)  #\(r)  0 B\(batch)
                22:53:34.123  LOGIN FAILED  alice  bad "password", again
                22:53:34.123  login         alice
                22:53:34.123  new channel   \(a) + \(b)  #\(r)
                22:53:34.123  fetch         \(b)  #\(r)  1 message
                ── Thursday 1970-01-01, local time
                01:00:00.000  registered    alice  key \(a)

                """)
    }

    /// Whatever the texts are, no line is wider than the terminal, and none wraps.
    @Test(arguments: [40, 60, 80, 100])
    func noLineIsWiderThanTheTerminal(columns: Int) throws {
        let long = String(repeating: "wörter und mehr ", count: 20)
        let events =
            Sample.all + [
                Sample.event(.auth, [Sample.text(long), .flag(false), Sample.text(long)], id: 9),
                Sample.event(.auth, [Sample.text("x\u{1B}[2J\n"), .flag(true), .absent], id: 10),
            ]
        let text = try Sample.print(.table, events, toTerminal: true, columns: columns)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        #expect(lines.count == events.count + 3 && !text.contains("\u{1B}"), "\(text)")
        for line in lines { #expect(line.count <= columns, "\(line)") }
        #expect(try Sample.print(.table, [], toTerminal: true, columns: columns) == "")
    }

    @Test func tableShowsFullIdentitiesWhereNobodyWatches() throws {
        let text = try Sample.print(.table, Sample.all)
        #expect(
            text.contains(
                "  \(Sample.alice)       \(Sample.bob)  \(Sample.room)  18446744073709551615 B"))
        #expect(text.contains("registered, identity \(Sample.alice)\n"))
        // A user's pseudonym, which is marked as one, is as wide as its column.
        let pseudonym = String(repeating: "9c8b", count: 8)
        let logins = [Sample.event(.auth, [Sample.text(pseudonym), .flag(true)])]
        let lines = try Sample.print(.table, logins).split(separator: "\n").map(Array.init)
        let peer = try #require(lines[0].indices.first { lines[0][$0...].starts(with: "PEER") })
        #expect(lines[1][peer] == "-", "\(String(lines[1]))")
    }

    @Test func columnsGrowWithWhatTheyMeetAndLongNamesAreCutOnATerminal() throws {
        let wide = "名前名前名前名前"
        let long = String(repeating: "x", count: 100)
        let events = [wide, "a", long].map { Sample.event(.auth, [Sample.text($0), .flag(true)]) }
        let lines = try Sample.print(.table, events, full: false).split(separator: "\n")
        // A wide character takes two columns.
        #expect(lines[1].hasSuffix("  \(wide)  -              -              ok"))
        #expect(lines[2].hasSuffix("  a                 -              -              ok"))
        #expect(lines[3].contains("  \(String(repeating: "x", count: 31))…  -  "))
    }

    @Test func failedLoginsAreRed() throws {
        let text = try Sample.print(.table, [Sample.all[2], Sample.all[3]], color: true)
        #expect(text.contains("\u{1B}[31mauth\u{1B}[0m "))
        #expect(text.contains("\u{1B}[31mfailed: bad \"password\", again\u{1B}[0m\n"))
        #expect(text.contains("\u{1B}[32mok\u{1B}[0m\n"))
        #expect(try !Sample.print(.table, Sample.all).contains("\u{1B}"))
    }
}
