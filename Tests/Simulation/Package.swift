// swift-tools-version: 6.2
import PackageDescription

// The simulation alone: the modules that it drives, and no third-party package. So it builds in a minute, with the
// optimizer, and a mutant (scripts/mutation-test) in seconds. Sources are links to the project's own.

let settings: [SwiftSetting] = [.swiftLanguageMode(.v6)]

func module(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, path: "Modules/\(name)", swiftSettings: settings)
}

let package = Package(
    name: "simulation",
    targets: [
        .target(name: "CMachine", path: "Modules/CMachine"),
        .target(name: "CMetricsLayout", path: "Modules/CMetricsLayout"),
        .systemLibrary(name: "CSQLite", path: "Modules/CSQLite"),
        .systemLibrary(name: "CSodium", path: "Modules/CSodium"),
        module("MetricsModel", []),
        module("TimeWords", []),
        module("MetricsMemory", ["MetricsModel", "CMachine", "CMetricsLayout"]),
        module("Pseudonyms", ["MetricsModel", "CMachine", "CSodium"]),
        module("EventLog", ["MetricsModel", "Pseudonyms", "CMachine", "CSQLite"]),
        module("EventDrain", ["MetricsModel", "MetricsMemory", "EventLog", "Pseudonyms", "CMachine", "CMetricsLayout"]),
        module("Readings", ["MetricsModel"]),
        module("EventSearch", ["CMachine", "CSQLite", "EventLog", "MetricsModel", "Pseudonyms", "Readings", "TimeWords"]),
        module(
            "MetricsQuery",
            [
                "CMachine", "CMetricsLayout", "MetricsMemory", "EventLog", "EventSearch", "MetricsModel", "Pseudonyms",
                "Readings", "TimeWords",
            ]),
        .target(name: "CFaultVFS", path: "CFaultVFS"),
        .target(name: "TestSupport", dependencies: ["CMachine"], path: "TestSupport", swiftSettings: settings),
        .testTarget(
            name: "SimulationTests",
            dependencies: [
                "CFaultVFS", "CMetricsLayout", "EventDrain", "EventLog", "EventSearch", "MetricsMemory", "MetricsModel",
                "MetricsQuery",
                "TestSupport",
            ],
            path: "SimulationTests", swiftSettings: settings,
            linkerSettings: [.linkedLibrary("sqlite3"), .linkedLibrary("sodium")]),
    ]
)
