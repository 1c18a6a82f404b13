import Foundation

/// A CA, and certificates for a server and a client, made by openssl at test time.
public final class Certificates {
    public let place = TemporaryDirectory()

    public init() throws {
        let script = """
            set -e; cd "$PLACE"
            ca() {
                openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$1" \
                    -keyout "$1.key" -out "$1.pem"
            }
            leaf() { # name, CA, subject's other name
                openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" -keyout "$1.key" \
                    -out "$1.csr"
                printf 'subjectAltName=%s' "$3" > "$1.ext"
                openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -days 2 -extfile "$1.ext" \
                    -out "$1.pem"
            }
            ca ca; ca other
            leaf server ca IP:127.0.0.1; leaf renewed ca IP:127.0.0.1
            leaf client ca DNS:client; leaf stranger other DNS:stranger
            """
        let outcome = try run(["/bin/bash", "-c", script], environment: ["PLACE": place.path])
        guard outcome.status == 0 else { throw TestFailure("openssl: \(outcome.errors)") }
    }

    /// A hash of the lowest cost, made by the C library.
    public static func bcrypt(_ password: String) throws -> String {
        // Perl's crypt is the C library's.
        let outcome = try run(["perl", "-e", "print crypt($ARGV[0], '$2b$04$abcdefghijklmnopqrstuu')", password])
        guard outcome.status == 0, outcome.text.count == 60 else {
            throw TestFailure("no bcrypt: \(outcome.text)\(outcome.errors)")
        }
        return outcome.text
    }

    public func write(_ name: String, _ text: String) throws -> String {
        // In one step, as configuration tools do it.
        try overwrite(place(name + ".new"), with: Array(text.utf8))
        rename(place(name + ".new"), place(name))
        return place(name)
    }
}
