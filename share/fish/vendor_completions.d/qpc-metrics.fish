function __qpc-metrics_should_offer_completions_for_flags_or_options -a expected_commands
    set -l non_repeating_flags_or_options $argv[2..]
    set -l non_repeating_flags_or_options_absent 0
    set -l positional_index 0
    set -l commands
    __qpc-metrics_parse_tokens
    test "$commands" = "$expected_commands"; and return $non_repeating_flags_or_options_absent
end

function __qpc-metrics_should_offer_completions_for_positional -a expected_commands positional_index_comparison expected_positional_index
    set -l non_repeating_flags_or_options
    set -l non_repeating_flags_or_options_absent 0
    set -l positional_index 0
    set -l commands
    __qpc-metrics_parse_tokens
    test "$commands" = "$expected_commands" -a \( "$positional_index" "$positional_index_comparison" "$expected_positional_index" \)
end

function __qpc-metrics_parse_tokens -S
    set -l unparsed_tokens (__qpc-metrics_tokens -pc)
    switch $unparsed_tokens[1]
    case 'qpc-metrics'
        __qpc-metrics_parse_subcommand 0 'version' 'h/help'
        switch $unparsed_tokens[1]
        case 'events'
            __qpc-metrics_parse_subcommand 0 'dir=' 'kind=+' 'since=' 'until=' 'user=' 'identity=' 'channel=' 'failed' 'reason=' 'after=' 'n=' 'r' 'f/follow' 'c/count' 'o/output=' 'color=' 'version' 'h/help'
        case 'stats'
            __qpc-metrics_parse_subcommand 0 'dir=' 'since=' 'until=' 'by=' 'top=' 'o/output=' 'color=' 'version' 'h/help'
        case 'top'
            __qpc-metrics_parse_subcommand 0 'dir=' 'b/once' 'color=' 'version' 'h/help'
        case 'status'
            __qpc-metrics_parse_subcommand 0 'dir=' 'o/output=' 'version' 'h/help'
        case 'prometheus'
            __qpc-metrics_parse_subcommand 0 'dir=' 'format=' 'output=' 'every=' 'version' 'h/help'
        case 'serve'
            __qpc-metrics_parse_subcommand 0 'dir=' 'web.listen-address=+' 'web.telemetry-path=' 'web.config.file=' 'web.systemd-socket' 'log.level=' 'log.format=' 'version' 'h/help'
        case 'verify'
            __qpc-metrics_parse_subcommand 0 'dir=' 'version' 'h/help'
        case 'recover'
            __qpc-metrics_parse_subcommand 0 'dir=' 'version' 'h/help'
        case 'prune'
            __qpc-metrics_parse_subcommand 0 'dir=' 'older-than=' 'max-size=' 'version' 'h/help'
        case 'forget'
            __qpc-metrics_parse_subcommand 0 'dir=' 'user=' 'identity=' 'version' 'h/help'
        case 'rebuild'
            __qpc-metrics_parse_subcommand 0 'dir=' 'version' 'h/help'
        case 'privacy-report'
            __qpc-metrics_parse_subcommand 0 'dir=' 'o/output=' 'version' 'h/help'
        case 'demo'
            __qpc-metrics_parse_subcommand 0 'plugin=' 'threads=' 'calls=' 'seed=' 'keep' 'version' 'h/help'
        case 'help'
            __qpc-metrics_parse_subcommand -r 1 'version'
        end
    end
end

function __qpc-metrics_tokens
    if test (string split -m 1 -f 1 -- . "$FISH_VERSION") -gt 3
        commandline --tokens-raw $argv
    else
        commandline -o $argv
    end
end

function __qpc-metrics_parse_subcommand -S -a positional_count
    argparse -s r -- $argv
    set -l option_specs $argv[2..]
    set -l is_repeating_positional $_flag_r
    set -el _flag_r
    set -a commands $unparsed_tokens[1]
    set positional_index 0
    while true
        set -e unparsed_tokens[1]
        argparse -sn "$commands" $option_specs -- $unparsed_tokens 2> /dev/null
        set unparsed_tokens $argv
        set positional_index (math $positional_index + 1)
        for non_repeating_flag_or_option in $non_repeating_flags_or_options
            if set -ql "_flag_$(string replace -a - _ -- $non_repeating_flag_or_option)"
                set non_repeating_flags_or_options_absent 1
                break
            end
        end
        test (count $unparsed_tokens) -eq 0 -o \( -z "$is_repeating_positional" -a "$positional_index" -gt "$positional_count" \) && break
    end
end

function __qpc-metrics_complete_directories
    set -l token (commandline -t)
    string match -- '*/' $token
    set -l subdirs $token*/
    printf %s\n $subdirs
end

function __qpc-metrics_custom_completion
    set -x SAP_SHELL fish
    set -x SAP_SHELL_VERSION $FISH_VERSION
    set -l tokens (__qpc-metrics_tokens -p)
    if test -z "$(__qpc-metrics_tokens -t)"
        set -l index (count (__qpc-metrics_tokens -pc))
        set tokens $tokens[..$index] \'\' $tokens[(math $index + 1)..]
    end
    command $tokens[1] $argv $tokens
end

complete -c 'qpc-metrics' -f
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics" version' -l 'version' -d 'Show the version.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_positional "qpc-metrics" -eq 1' -fa 'events' -d 'Prints events, oldest first.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_positional "qpc-metrics" -eq 1' -fa 'stats' -d 'One screen: what the server did in a window of time.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_positional "qpc-metrics" -eq 1' -fa 'top' -d 'The server live in the terminal: rates, failures, sizes, durations, rings, drops, lag.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_positional "qpc-metrics" -eq 1' -fa 'status' -d 'One screen: is the plugin up, does it lose anything, what is wrong, what to do.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_positional "qpc-metrics" -eq 1' -fa 'prometheus' -d 'Prints every metric, as Prometheus reads it.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_positional "qpc-metrics" -eq 1' -fa 'serve' -d 'Serves every metric over HTTP to Prometheus, and a status page to people.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_positional "qpc-metrics" -eq 1' -fa 'verify' -d 'Proves that no event is unaccounted for, and that the log is sound.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_positional "qpc-metrics" -eq 1' -fa 'recover' -d 'Takes a dead server\'s pending events into the log.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_positional "qpc-metrics" -eq 1' -fa 'prune' -d 'Removes the oldest events from the log, now.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_positional "qpc-metrics" -eq 1' -fa 'forget' -d 'Removes a person from the log: every event that names them, and their names.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_positional "qpc-metrics" -eq 1' -fa 'rebuild' -d 'Makes what is kept beside the rows, for statistics and look-ups, anew from the rows.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_positional "qpc-metrics" -eq 1' -fa 'privacy-report' -d 'What an attacker with the data directory would learn, and which settings reduce it.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_positional "qpc-metrics" -eq 1' -fa 'demo' -d 'Shows it all without a server.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_positional "qpc-metrics" -eq 1' -fa 'help' -d 'Show subcommand help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" dir' -l 'dir' -d 'The data directory (default: $QPC_METRICS_PLUGIN_DIR, else qpc-metrics-data).' -rfa '(__qpc-metrics_complete_directories)'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events"' -l 'kind' -d 'Only events of this kind; may be given several times: message_enqueue, batch_enqueue, auth, channel_created, fetch, user_registered.' -rfka 'message_enqueue batch_enqueue auth channel_created fetch user_registered'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" since' -l 'since' -d 'Only events at or after this time, such as -2h, yesterday, 2026-11-22 14:00.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" until' -l 'until' -d 'Only events before this time.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" user' -l 'user' -d 'Only events of this user: a name, or the pseudonym of one.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" identity' -l 'identity' -d 'Only events in which this identity sends, receives, creates or registers: a key, or the pseudonym of one.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" channel' -l 'channel' -d 'Only events of this channel: its id, or the pseudonym of one.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" failed' -l 'failed' -d 'Only failed logins.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" reason' -l 'reason' -d 'Only logins whose reason holds this text.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" after' -l 'after' -d 'Only events after the one with this id.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" n' -s 'n' -d 'Only the newest N of them.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" r' -s 'r' -d 'Newest first.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" f follow' -s 'f' -l 'follow' -d 'Goes on with new events as they come.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" c count' -s 'c' -l 'count' -d 'Only how many there are.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" o output' -l 'output' -s 'o' -d 'table, json, ndjson or csv.' -rfka 'table json ndjson csv'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" color' -l 'color' -d 'auto, always or never.' -rfka 'auto always never'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" version' -l 'version' -d 'Show the version.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics events" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" dir' -l 'dir' -d 'The data directory (default: $QPC_METRICS_PLUGIN_DIR, else qpc-metrics-data).' -rfa '(__qpc-metrics_complete_directories)'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" since' -l 'since' -d 'Events at or after this time, such as -2h, yesterday, 2026-11-22 14:00 (default: 24 hours before --until).' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" until' -l 'until' -d 'Events before this time (default: now).' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" by' -l 'by' -d 'minute, hour or day: what the window is divided into (default: what fits it).' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" top' -l 'top' -d 'How many identities, channels and users are named; 0 for none.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" o output' -l 'output' -s 'o' -d 'table, json or csv.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" color' -l 'color' -d 'auto, always or never.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" version' -l 'version' -d 'Show the version.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics stats" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics top" dir' -l 'dir' -d 'The data directory (default: $QPC_METRICS_PLUGIN_DIR, else qpc-metrics-data).' -rfa '(__qpc-metrics_complete_directories)'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics top" b once' -s 'b' -l 'once' -d 'Prints one screen, of one second, and ends; for a pipe.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics top" color' -l 'color' -d 'auto, always or never.' -rfka 'auto always never'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics top" version' -l 'version' -d 'Show the version.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics top" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics status" dir' -l 'dir' -d 'The data directory (default: $QPC_METRICS_PLUGIN_DIR, else qpc-metrics-data).' -rfa '(__qpc-metrics_complete_directories)'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics status" o output' -l 'output' -s 'o' -d 'text or json.' -rfka 'text json'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics status" version' -l 'version' -d 'Show the version.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics status" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics prometheus" dir' -l 'dir' -d 'The data directory (default: $QPC_METRICS_PLUGIN_DIR, else qpc-metrics-data).' -rfa '(__qpc-metrics_complete_directories)'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics prometheus" format' -l 'format' -d 'text or openmetrics.' -rfka 'text openmetrics'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics prometheus" output' -l 'output' -d 'Replaces this file instead of printing.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics prometheus" every' -l 'every' -d 'Does it again and again, each time after so long, such as 15s.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics prometheus" version' -l 'version' -d 'Show the version.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics prometheus" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics serve" dir' -l 'dir' -d 'The data directory (default: $QPC_METRICS_PLUGIN_DIR, else qpc-metrics-data).' -rfa '(__qpc-metrics_complete_directories)'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics serve"' -l 'web.listen-address' -d 'Where to listen; may be given several times (default: 127.0.0.1:10120).' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics serve" web.telemetry-path' -l 'web.telemetry-path' -d 'Where the metrics are.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics serve" web.config.file' -l 'web.config.file' -d 'TLS, passwords and headers, as for every Prometheus exporter.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics serve" web.systemd-socket' -l 'web.systemd-socket' -d 'Takes the sockets that systemd\'s .socket unit opened, instead of addresses.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics serve" log.level' -l 'log.level' -d 'debug, info, warn or error.' -rfka 'debug info warn error'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics serve" log.format' -l 'log.format' -d 'logfmt or json.' -rfka 'logfmt json'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics serve" version' -l 'version' -d 'Show the version.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics serve" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics verify" dir' -l 'dir' -d 'The data directory (default: $QPC_METRICS_PLUGIN_DIR, else qpc-metrics-data).' -rfa '(__qpc-metrics_complete_directories)'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics verify" version' -l 'version' -d 'Show the version.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics verify" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics recover" dir' -l 'dir' -d 'The data directory (default: $QPC_METRICS_PLUGIN_DIR, else qpc-metrics-data).' -rfa '(__qpc-metrics_complete_directories)'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics recover" version' -l 'version' -d 'Show the version.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics recover" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics prune" dir' -l 'dir' -d 'The data directory (default: $QPC_METRICS_PLUGIN_DIR, else qpc-metrics-data).' -rfa '(__qpc-metrics_complete_directories)'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics prune" older-than' -l 'older-than' -d 'Events older than this leave, such as 7d, 12h or 90m.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics prune" max-size' -l 'max-size' -d 'The oldest events leave until the log is no larger, such as 1GiB or 512MiB.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics prune" version' -l 'version' -d 'Show the version.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics prune" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics forget" dir' -l 'dir' -d 'The data directory (default: $QPC_METRICS_PLUGIN_DIR, else qpc-metrics-data).' -rfa '(__qpc-metrics_complete_directories)'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics forget" user' -l 'user' -d 'A user\'s name, or the pseudonym of one.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics forget" identity' -l 'identity' -d 'A key, or the pseudonym of one, whole.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics forget" version' -l 'version' -d 'Show the version.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics forget" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics rebuild" dir' -l 'dir' -d 'The data directory (default: $QPC_METRICS_PLUGIN_DIR, else qpc-metrics-data).' -rfa '(__qpc-metrics_complete_directories)'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics rebuild" version' -l 'version' -d 'Show the version.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics rebuild" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics privacy-report" dir' -l 'dir' -d 'The data directory (default: $QPC_METRICS_PLUGIN_DIR, else qpc-metrics-data).' -rfa '(__qpc-metrics_complete_directories)'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics privacy-report" o output' -l 'output' -s 'o' -d 'text or json.' -rfka 'text json'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics privacy-report" version' -l 'version' -d 'Show the version.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics privacy-report" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics demo" plugin' -l 'plugin' -d 'The plugin (default: libMetricsPlugin.so beside this program).' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics demo" threads' -l 'threads' -d 'Threads that call hooks, 1 to 64.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics demo" calls' -l 'calls' -d 'Calls of each thread.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics demo" seed' -l 'seed' -d 'Another seed gives other traffic.' -rfka ''
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics demo" keep' -l 'keep' -d 'Leaves the data directory, to be asked further.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics demo" version' -l 'version' -d 'Show the version.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics demo" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'qpc-metrics' -n '__qpc-metrics_should_offer_completions_for_flags_or_options "qpc-metrics help" version' -l 'version' -d 'Show the version.'
