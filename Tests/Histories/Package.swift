// swift-tools-version: 6.2
import PackageDescription

// The simulation alone: the rooms that it drives, and no package of anybody else's. So it is built in a minute, with the
// optimizer, and a canary (scripts/break-drain) in seconds. Sources are links to the project's own.

let settings: [SwiftSetting] = [.swiftLanguageMode(.v6)]

func room(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, path: "Rooms/\(name)", swiftSettings: settings)
}

let package = Package(
    name: "histories",
    targets: [
        .target(name: "CMachine", path: "Rooms/CMachine"),
        .target(name: "CMetricsLayout", path: "Rooms/CMetricsLayout"),
        .systemLibrary(name: "CSQLite", path: "Rooms/CSQLite"),
        .systemLibrary(name: "CSodium", path: "Rooms/CSodium"),
        room("MetricsModel", []),
        room("TimeWords", []),
        room("MetricsMemory", ["MetricsModel", "CMachine", "CMetricsLayout"]),
        room("Pseudonyms", ["MetricsModel", "CMachine", "CSodium"]),
        room("EventLog", ["MetricsModel", "Pseudonyms", "CMachine", "CSQLite"]),
        room("EventDrain", ["MetricsModel", "MetricsMemory", "EventLog", "Pseudonyms", "CMachine", "CMetricsLayout"]),
        room(
            "MetricsQuery",
            ["CMachine", "CMetricsLayout", "MetricsMemory", "EventLog", "MetricsModel", "Pseudonyms", "TimeWords"]),
        .target(name: "CFaultVFS", path: "CFaultVFS"),
        .target(name: "TestSupport", dependencies: ["CMachine"], path: "TestSupport", swiftSettings: settings),
        .testTarget(
            name: "HistoryTests",
            dependencies: [
                "CFaultVFS", "CMetricsLayout", "EventDrain", "EventLog", "MetricsMemory", "MetricsModel", "MetricsQuery",
                "TestSupport",
            ],
            path: "HistoryTests", swiftSettings: settings,
            linkerSettings: [.linkedLibrary("sqlite3"), .linkedLibrary("sodium")]),
    ]
)
