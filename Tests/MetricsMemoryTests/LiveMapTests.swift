import CMetricsLayout
import Foundation
import MetricsModel
import TestSupport
import Testing

@testable import MetricsMemory

@Suite struct LiveMapTests {
    /// One word counts a dropped event as both dropped and recorded: no sum may see one without the other, however
    /// often that word rises during the summing.
    @Test func aDropIsNeverSeenWithoutTheEvent() throws {
        let place = TemporaryDirectory()
        let live = try LiveFile(
            directory: place.path,
            options: .init(
                settings: Settings(identities: .none, ringBytes: 65536, flushIntervalNanoseconds: 1), initialSlots: 1,
                clock: UInt64(QPCM_CLOCK_REALTIME), session: (1, 2)),
            ringed: [UInt64](repeating: 0, count: CounterIndex.words),
            direct: [UInt64](repeating: 0, count: CounterIndex.words))
        let dropped = CounterIndex.dropped(.auth, .ringFull)
        let times: UInt64 = 2_000_000
        let hook = Thread {
            let counters = live.map.overflow
            for _ in 0..<times { counters.add(1, to: dropped) }
        }
        hook.start()
        var different = 0
        var looks = 0
        var last: UInt64 = 0
        while last < times {
            let totals = live.map.totals(.direct)
            if totals[CounterIndex.events(.auth)] != totals[dropped] { different += 1 }
            last = totals[dropped]
            looks += 1
        }
        #expect(different == 0, "of \(looks) looks")
        #expect(looks > 10)
    }
}
