import Foundation
import TestSupport
import Testing

/// Prometheus reaches the exporter through each of its doors, and through none that is shut.
@Suite struct DoorTests {
    @Test func theTargetIsUpByEveryDoor() throws {
        guard try Daemon.isInstalled("prometheus", for: "scraping over HTTP, TLS and with a password") else { return }
        let place = DataPlace()
        let host = try place.server()
        let tally = try host.tally("drive threads=1 calls=3000 seed=5")
        let keys = try Certificates()
        let tls = "tls_server_config: {cert_file: server.pem, key_file: server.key"
        let password = "basic_auth_users: {prometheus: '\(try Certificates.bcrypt("open sesame"))'}\n"
        func serve(_ name: String, _ config: String) throws -> ServeProcess {
            let file = try keys.write(name + ".yml", config)
            return try ServeProcess(place, "--web.listen-address", "127.0.0.1:0", "--web.config.file", file)
        }
        let plain = try serve("plain", "")
        let encrypted = try serve("encrypted", tls + "}\n")
        let guarded = try serve("guarded", password)
        let both = try serve(
            "both", tls + ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem}\n" + password)

        let ca = "ca_file: \(keys.place("ca.pem"))"
        let client = "cert_file: \(keys.place("client.pem")), key_file: \(keys.place("client.key"))"
        let user = "basic_auth: {username: prometheus, password: open sesame}"
        func job(_ name: String, _ serve: ServeProcess, _ settings: String...) throws -> PrometheusServer.Job {
            .init(name: name, address: try serve.addresses()[0], settings: settings)
        }
        let prometheus = try PrometheusServer([
            job("plain", plain),
            job("encrypted", encrypted, "scheme: https", "tls_config: {\(ca)}"),
            job("guarded", guarded, user),
            job("both", both, "scheme: https", "tls_config: {\(ca), \(client)}", user),
            job("no-tls", encrypted),
            job("no-password", guarded),
            job("wrong-password", guarded, "basic_auth: {username: prometheus, password: guess}"),
            job("no-certificate", both, "scheme: https", "tls_config: {\(ca)}", user),
        ])
        let open = ["plain", "encrypted", "guarded", "both"]
        try prometheus.awaits("four doors are open, and the rest shut") {
            let up = try prometheus.values("up", by: "job")
            return up.count == 8 && up.allSatisfy { $0.value == (open.contains($0.key) ? 1 : 0) }
        }
        for target in try prometheus.targets() where target.scrapePool.hasSuffix("-password") {
            #expect(target.lastError.contains("401"), "\(target)")
        }
        // The same through every door, and as OpenMetrics: only that format says when counters began.
        let begun = try prometheus.values("qpc_users_registered_created", by: "job")
        #expect(begun.keys.sorted() == open.sorted() && Set(begun.values).count == 1, "\(begun)")
        for name in open {
            let calls = try prometheus.values("qpc_hook_calls_total{job=\"\(name)\"}", by: "hook")
            for (hook, count) in zip(eventKinds, tally.calls) { #expect(calls[hook] == Double(count), "\(name), \(hook)") }
        }
        let complaints = try prometheus.complaints()
        #expect(complaints == [])
        try host.shutDown()
    }
}
