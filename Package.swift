// swift-tools-version: 6.2
import PackageDescription

// The plugin is built in Embedded Swift: no runtime in the server, nothing that runs at load. Embedded modules
// cannot be imported by others, so the modules that the plugin and the command line share are compiled twice from
// the same sources: `Sources/Embedded/` holds links to them. docs/decisions/0001-embedded-swift.md says why.
let sharedModules = ["MetricsModel", "MetricsMemory", "Pseudonyms", "EventLog", "EventDrain"]

let normal: [SwiftSetting] = [.swiftLanguageMode(.v6)]

/// scripts/bench builds a plugin that leaves the log's segment indexes out, to tell what they cost; no other use is meant.
let hasSegmentIndex = Context.environment["QPC_WITHOUT_SEGMENT_INDEX"] == nil

let embedded: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableExperimentalFeature("Embedded"),
        .unsafeFlags(
            ["-wmo", "-enforce-exclusivity=unchecked"]
                + sharedModules.flatMap { ["-module-alias", "\($0)=\($0)Embedded"] }),
    ] + (hasSegmentIndex ? [] : [.define("QPC_WITHOUT_SEGMENT_INDEX")])

/// A sanitizer's functions are the host's: they stay open in the library.
let isSanitized = Context.environment["QPC_SANITIZE"] != nil

func module(_ name: String, dependsOn modules: [String], c: [String]) -> [Target] {
    [
        .target(
            name: name, dependencies: (modules + c).map { .init(stringLiteral: $0) },
            swiftSettings: normal),
        .target(
            name: "\(name)Embedded",
            dependencies: (modules.map { "\($0)Embedded" } + c).map { .init(stringLiteral: $0) },
            path: "Sources/Embedded/\(name)", swiftSettings: embedded),
    ]
}

let package = Package(
    name: "qpc-metrics",
    products: [
        .library(name: "MetricsPlugin", type: .dynamic, targets: ["MetricsPlugin"]),
        .executable(name: "qpc-metrics", targets: ["qpc-metrics"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
    ],
    targets: [
        .target(name: "CPluginABI"),
        .target(name: "CMachine"),
        .target(name: "CProgram"),
        .target(name: "CMetricsLayout"),
        .systemLibrary(name: "CSQLite"),
        .systemLibrary(name: "CSodium"),
        .systemLibrary(name: "CYAML"),
        .systemLibrary(name: "CZlib"),
        .systemLibrary(name: "CCrypt"),
    ]
        + module("MetricsModel", dependsOn: [], c: [])
        + module("MetricsMemory", dependsOn: ["MetricsModel"], c: ["CMachine", "CMetricsLayout"])
        + module("Pseudonyms", dependsOn: ["MetricsModel"], c: ["CMachine", "CSodium"])
        + module("EventLog", dependsOn: ["MetricsModel", "Pseudonyms"], c: ["CMachine", "CSQLite"])
        + module(
            "EventDrain", dependsOn: ["MetricsModel", "MetricsMemory", "EventLog", "Pseudonyms"],
            c: ["CMachine", "CMetricsLayout"])
        + [
            .target(
                name: "MetricsPlugin",
                dependencies: [
                    "CPluginABI", "CMachine", "CMetricsLayout", "MetricsModelEmbedded", "MetricsMemoryEmbedded",
                    "EventDrainEmbedded",
                ],
                exclude: ["exports.map"],
                swiftSettings: embedded,
                linkerSettings: [
                    .unsafeFlags(
                        [
                            "-use-ld=lld",
                            "-Xlinker", "--version-script=\(Context.packageDirectory)/Sources/MetricsPlugin/exports.map",
                            "-Xlinker", "-z", "-Xlinker", "nodelete",
                            "-Xlinker", "--exclude-libs=ALL",
                            "-Xlinker", "--gc-sections", "-Xlinker", "-z", "-Xlinker", "now",
                            // Static, so that no symbol of the host's can take their place.
                            "-Xlinker", "-l:libsqlite3.a", "-Xlinker", "-l:libsodium.a", "-Xlinker", "-lm",
                        ] + (isSanitized ? [] : ["-Xlinker", "-z", "-Xlinker", "defs"]))
                ]),
            .target(name: "Readings", dependencies: ["MetricsModel"], swiftSettings: normal),
            // Events of times that are over, written as the plugin writes them: for the demo, and for logs to measure with.
            .target(
                name: "PastEvents",
                dependencies: ["CMetricsLayout", "EventDrain", "EventLog", "MetricsMemory", "MetricsModel"], swiftSettings: normal
            ),
            .target(
                name: "EventSearch",
                dependencies: ["CMachine", "CSQLite", "EventLog", "MetricsModel", "Pseudonyms", "Readings", "TimeWords"],
                swiftSettings: normal),
            .target(
                name: "MetricsQuery",
                dependencies: [
                    "CMachine", "CMetricsLayout", "MetricsMemory", "EventLog", "EventSearch", "MetricsModel", "Pseudonyms",
                    "Readings", "TimeWords",
                ],
                swiftSettings: normal),
            .target(name: "PrometheusText", dependencies: ["MetricsModel", "Readings"], swiftSettings: normal),
            .target(name: "TimeWords", swiftSettings: normal),
            .target(name: "Gzip", dependencies: ["CZlib"], swiftSettings: normal),
            .target(name: "Terminal", dependencies: ["MetricsModel", "TimeWords"], swiftSettings: normal),
            .target(
                name: "EventOutput", dependencies: ["MetricsModel", "Readings", "Terminal", "TimeWords"], swiftSettings: normal),
            .target(name: "LiveView", dependencies: ["MetricsModel", "Readings", "Terminal"], swiftSettings: normal),
            .target(
                name: "Exporter",
                dependencies: [
                    "CMachine", "CYAML", "CCrypt", "CSodium", "Gzip", "MetricsModel", "MetricsMemory",
                    "MetricsQuery", "EventLog", "EventSearch", "PrometheusText", "Readings", "Terminal", "TimeWords",
                    .product(name: "NIOCore", package: "swift-nio"),
                    .product(name: "NIOPosix", package: "swift-nio"),
                    .product(name: "NIOHTTP1", package: "swift-nio"),
                    .product(name: "NIOSSL", package: "swift-nio-ssl"),
                ],
                swiftSettings: normal,
                linkerSettings: [.unsafeFlags(["-Xlinker", "-l:libyaml.a", "-Xlinker", "-l:libz.a"])]),
            .target(
                name: "Doctor",
                dependencies: [
                    "MetricsModel", "Readings", "Terminal",
                    .product(name: "NIOCore", package: "swift-nio"),
                    .product(name: "NIOPosix", package: "swift-nio"),
                    .product(name: "NIOSSL", package: "swift-nio-ssl"),
                ],
                swiftSettings: normal),
            .target(
                name: "Shipping",
                dependencies: [
                    "CSodium", "Doctor", "EventLog", "EventSearch", "Gzip", "MetricsMemory", "MetricsModel", "MetricsQuery",
                    "Pseudonyms",
                    "Readings", "Terminal",
                ],
                swiftSettings: normal),
            .executableTarget(
                name: "qpc-metrics",
                dependencies: [
                    "CMachine", "CMetricsLayout", "CPluginABI", "CProgram", "Doctor", "PastEvents", "MetricsModel",
                    "MetricsQuery", "EventLog",
                    "EventSearch",
                    "EventDrain", "Pseudonyms", "Readings", "MetricsMemory", "PrometheusText", "Terminal", "TimeWords",
                    "EventOutput", "Exporter", "LiveView", "Shipping",
                    .product(name: "ArgumentParser", package: "swift-argument-parser"),
                ],
                exclude: ["exports.map"],
                swiftSettings: normal,
                // Static: the server has no Swift, and a shared one would cost each start 20 ms.
                linkerSettings: [
                    // What ArgumentParser's Foundation needs and does not ask for by itself.
                    // A sanitizer has to come before everything that allocates, and cannot in a static one.
                    .unsafeFlags(
                        (isSanitized
                            ? []
                            : [
                                "-static-stdlib", "-l_FoundationCollections", "-l_FoundationCShims",
                                "-Xlinker", "--version-script=\(Context.packageDirectory)/Sources/qpc-metrics/exports.map",
                            ])
                            + ["-Xlinker", "-l:libsodium.a", "-Xlinker", "-z", "-Xlinker", "now"]),
                    .linkedLibrary("sqlite3"),
                ]),

            // Makes large logs to measure with; a developers' program, which no product ships.
            .executableTarget(
                name: "make-log",
                dependencies: [
                    "CMetricsLayout", "MetricsModel", "MetricsMemory", "EventLog", "EventDrain", "PastEvents", "Terminal",
                    .product(name: "ArgumentParser", package: "swift-argument-parser"),
                ],
                path: "Benchmarks/MakeLog", swiftSettings: normal,
                linkerSettings: [.linkedLibrary("sqlite3"), .linkedLibrary("sodium")]),

            // Unit tests, and tests from outside: the built library and the built binary, as users meet them.
            .testTarget(name: "MetricsModelTests", dependencies: ["MetricsModel"], swiftSettings: normal),
            .testTarget(
                name: "MetricsMemoryTests",
                dependencies: ["CMetricsLayout", "MetricsMemory", "MetricsModel", "TestSupport"],
                swiftSettings: normal),
            .testTarget(
                name: "EventDrainTests",
                dependencies: [
                    "CMetricsLayout", "EventDrain", "EventLog", "EventSearch", "MetricsMemory", "MetricsModel", "MetricsQuery",
                    "PastEvents", "Pseudonyms", "Readings", "TestSupport",
                ],
                swiftSettings: normal, linkerSettings: [.linkedLibrary("sqlite3"), .linkedLibrary("sodium")]),
            // Also a package of its own, which is built fast and with the optimizer: Tests/Simulation.
            .testTarget(
                name: "SimulationTests",
                dependencies: [
                    "CFaultVFS", "CMetricsLayout", "EventDrain", "EventLog", "EventSearch", "MetricsMemory", "MetricsModel",
                    "MetricsQuery",
                    "TestSupport",
                ],
                path: "Tests/Simulation/SimulationTests", swiftSettings: normal,
                linkerSettings: [.linkedLibrary("sqlite3"), .linkedLibrary("sodium")]),
            .testTarget(
                name: "EventLogTests",
                dependencies: ["EventLog", "EventSearch", "MetricsModel", "Readings", "TestSupport"], swiftSettings: normal,
                linkerSettings: [.linkedLibrary("sqlite3"), .linkedLibrary("sodium")]),
            .testTarget(
                name: "LogQueryTests",
                dependencies: ["EventLog", "EventSearch", "MetricsModel", "Readings", "TestSupport"], exclude: ["Goldens"],
                swiftSettings: normal, linkerSettings: [.linkedLibrary("sqlite3"), .linkedLibrary("sodium")]),
            .testTarget(name: "TimeWordsTests", dependencies: ["TimeWords"], swiftSettings: normal),
            .testTarget(name: "TerminalTests", dependencies: ["Terminal", "TimeWords"], swiftSettings: normal),
            .testTarget(
                name: "EventOutputTests", dependencies: ["EventOutput", "MetricsModel", "Readings", "Terminal", "TimeWords"],
                swiftSettings: normal),
            .testTarget(
                name: "LiveViewTests", dependencies: ["LiveView", "MetricsModel", "Readings", "Terminal"], exclude: ["Goldens"],
                swiftSettings: normal),
            .testTarget(
                name: "PrometheusTextTests", dependencies: ["PrometheusText", "MetricsModel", "Readings"],
                exclude: ["Goldens"], swiftSettings: normal),
            .testTarget(
                name: "ExporterTests",
                dependencies: ["Exporter", "MetricsModel", "MetricsQuery", "PrometheusText", "Readings", "TestSupport"],
                swiftSettings: normal,
                linkerSettings: [.linkedLibrary("sqlite3"), .linkedLibrary("sodium"), .linkedLibrary("crypt")]),
            .testTarget(
                name: "DoctorTests", dependencies: ["Doctor", "MetricsModel", "Readings"], swiftSettings: normal),
            .testTarget(
                name: "ShippingTests",
                dependencies: ["Doctor", "EventLog", "EventSearch", "MetricsModel", "MetricsQuery", "Shipping", "TestSupport"],
                swiftSettings: normal,
                linkerSettings: [
                    .unsafeFlags(["-Xlinker", "-l:libz.a"]), .linkedLibrary("sqlite3"), .linkedLibrary("sodium"),
                ]),
            .target(name: "CFaultVFS", path: "Tests/Simulation/CFaultVFS"),
            .target(name: "TestSupport", dependencies: ["CMachine"], path: "Tests/Support", swiftSettings: normal),
            .testTarget(
                name: "PluginTests", dependencies: ["TestSupport", "CPluginABI"], path: "Tests/Plugin", swiftSettings: normal),
            .testTarget(
                name: "CommandTests", dependencies: ["TestSupport"], exclude: ["Goldens"],
                swiftSettings: normal),
            .testTarget(name: "DashboardTests", dependencies: ["TestSupport"], swiftSettings: normal),
            .testTarget(name: "EndToEndTests", dependencies: ["TestSupport"], path: "Tests/EndToEnd", swiftSettings: normal),
        ]
)
