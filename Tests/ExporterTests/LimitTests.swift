import Exporter
import Foundation
import NIOCore
import TestSupport
import Testing

/// There are limits to what a client can make the exporter spend.
@Suite struct LimitTests {
    @Test func whoSendsNoRequestInTimeIsLeft() throws {
        let exporter = try TestExporter { $0.headerTime = .milliseconds(20) }
        let silent = try exporter.client()
        let slow = try exporter.client()
        slow.send("GET /metrics HTTP/1.1\r\nHost: te")
        #expect(try silent.isEnded())
        #expect(try slow.isEnded())
    }

    @Test func theNextRequestHasItsTimeToo() throws {
        let exporter = try TestExporter { $0.headerTime = .milliseconds(50) }
        var isLeft = false
        // On a busy machine even this request can arrive too late.
        try eventually("a request is in time", within: 60) {
            let client = try exporter.client()
            client.request("GET /-/healthy")
            guard (try? client.answer()) != nil else { return false }
            client.send("GET /-/hea")
            isLeft = try client.isEnded()
            return true
        }
        #expect(isLeft)
    }

    @Test func whoRestsTooLongIsLeft() throws {
        let exporter = try TestExporter { $0.idleTime = .milliseconds(20) }
        let client = try exporter.client()
        #expect(try client.get("/-/healthy").status == 200)
        #expect(try client.isEnded())
    }

    @Test func aCrowdPushesItselfOutAndNotTheScraper() throws {
        let exporter = try TestExporter {
            $0.connectionsPerAddress = 8
            $0.headerTime = .minutes(10)
        }
        let scraper = try exporter.client()
        #expect(try scraper.get("/metrics").status == 200)
        var crowd: [RawClient] = []
        for _ in 0..<40 {
            let client = try exporter.client()
            client.send("GET /metrics HT")
            crowd.append(client)
        }
        #expect(try scraper.get("/metrics").status == 200)
        // A new client still gets a place.
        #expect(try exporter.get("/metrics").status == 200)
        for client in crowd[..<30] { #expect(try client.isEnded()) }
    }

    @Test func allTogetherHaveALimitToo() throws {
        let exporter = try TestExporter {
            $0.connections = 4
            $0.headerTime = .minutes(10)
        }
        var crowd: [RawClient] = []
        for _ in 0..<12 { crowd.append(try exporter.client()) }
        #expect(try exporter.get("/-/healthy").status == 200)
        for client in crowd[..<8] { #expect(try client.isEnded()) }
    }

    @Test func whereEverybodyIsServedNobodyMoreGetsIn() throws {
        let stuck = try StuckPlace()
        let exporter = try TestExporter(stuck.place) { $0.connectionsPerAddress = 3 }
        let waiting = try (0..<3).map { _ in try exporter.client() }
        for client in waiting {
            // The second request is read as soon as the first is answered, and waits.
            client.send(["/-/healthy", "/metrics"].map { "GET \($0) HTTP/1.1\r\nHost: test\r\n\r\n" }.joined())
            #expect(try client.answer().status == 200)
        }
        for _ in 0..<3 { #expect(try exporter.client().isEnded()) }
        try stuck.release()
        for client in waiting { #expect([200, 503].contains(try client.answer().status)) }
        #expect(try exporter.get("/-/healthy").status == 200)
    }

    @Test func aScrapeIsAnsweredBeforeItsTimeIsOver() throws {
        let stuck = try StuckPlace()
        let exporter = try TestExporter(stuck.place)
        let client = try exporter.client()
        let answer = try client.get("/metrics", "X-Prometheus-Scrape-Timeout-Seconds: 0.2")
        #expect(answer.status == 503)
        #expect(answer.text == "The response was not ready in time.\n")
        // The connection is still usable.
        #expect(try client.get("/-/healthy").status == 200)
        try stuck.release()
    }

    @Test(arguments: ["0", "-1", "nan", "inf", "1e9", "soon", ""])
    func aTimeThatIsNoneIsNotHeeded(time: String) throws {
        let exporter = try TestExporter()
        #expect(try exporter.get("/metrics", "X-Prometheus-Scrape-Timeout-Seconds: \(time)").status == 200)
    }

    @Test func whoNeverReadsHoldsOneAnswer() throws {
        let exporter = try TestExporter { $0.sendTime = .milliseconds(200) }
        let client = try exporter.client(receiveBytes: 4096)
        let request = "GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n"
        // More than the system's buffers hold: the exporter stops reading, and closes the connection in time.
        let requests = String(repeating: request, count: 1000)
        var isThere = true
        for _ in 0..<5000 where isThere { isThere = client.send(requests) }
        #expect(!isThere)
        #expect(try exporter.get("/-/healthy").status == 200)
    }

    @Test func whoeverDoesNotReadMakesRoom() throws {
        let exporter = try TestExporter {
            $0.connections = 4
            $0.sendTime = .minutes(10)
        }
        let request = Array(repeating: "GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n", count: 300).joined()
        // Responses larger than the system's buffers hold, for more clients than there are places.
        let crowd = try (0..<8).map { _ in try exporter.client(receiveBytes: 4096) }
        for client in crowd { client.send(request) }
        for _ in 0..<20 { #expect(try exporter.get("/metrics").status == 200) }
    }

    @Test func whoeverHasJustComeIsNotPushedOut() throws {
        let exporter = try TestExporter {
            $0.connections = 4
            $0.freshTime = .milliseconds(50)
        }
        let request = Array(repeating: "GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n", count: 300).joined()
        let crowd = try (0..<4).map { _ in try exporter.client(receiveBytes: 4096) }
        for client in crowd { client.send(request) }
        // Others connect between its connection and its request; they take the places of those who do not read.
        try eventually("it is answered") {
            let scraper = try exporter.client()
            let others = try (0..<3).map { _ in try exporter.client() }
            return withExtendedLifetime(others) { (try? scraper.get("/metrics").status) == 200 }
        }
    }

    @Test func hundredsOfSlowClientsDoNotDelayAScrape() throws {
        let exporter = try TestExporter()
        let scraper = try exporter.client()
        #expect(try scraper.get("/metrics").status == 200)
        var crowd: [RawClient] = []
        for index in 0..<500 {
            let client = try exporter.client()
            client.send("G")
            crowd.append(client)
            if index % 50 == 0 { #expect(try scraper.get("/metrics").status == 200) }
        }
        // Most of them have been disconnected by now.
        for client in crowd[..<400] { #expect(try client.isEnded()) }
    }
}
