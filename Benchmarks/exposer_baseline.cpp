// exposer_baseline.cpp: the same number of series from prometheus-cpp's own exposer, for http.c.
//
//   exposer_baseline PORT PLAIN HISTOGRAMS BUCKETS
//
// PLAIN counters in families of seven, and HISTOGRAMS of BUCKETS buckets; their values never change, so the program spends its
// time only on scrapes. Exits when its standard input closes.
#include <prometheus/counter.h>
#include <prometheus/exposer.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>

int main(int argc, char **argv) {
    if (argc != 5) return 64;
    const int plain = atoi(argv[2]), histograms = atoi(argv[3]), buckets = atoi(argv[4]);
    prometheus::Exposer exposer(std::string("127.0.0.1:") + argv[1]);
    auto registry = std::make_shared<prometheus::Registry>();
    prometheus::Family<prometheus::Counter> *counters = nullptr;
    for (int i = 0; i < plain; i++) {
        if (i % 7 == 0) {
            counters = &prometheus::BuildCounter()
                            .Name("baseline_events_" + std::to_string(i / 7) + "_total")
                            .Help("Events that hooks recorded, by kind and cause.")
                            .Register(*registry);
        }
        counters->Add({{"kind", "message_enqueue"}, {"cause", std::to_string(i % 7)}}).Increment(1000.0 * i + 1);
    }
    auto &durations = prometheus::BuildHistogram()
                          .Name("baseline_duration_seconds")
                          .Help("Time that one of them took.")
                          .Register(*registry);
    prometheus::Histogram::BucketBoundaries bounds;
    for (int i = 0; i + 1 < buckets; i++) bounds.push_back(1e-6 * (1 << i));
    for (int i = 0; i < histograms; i++) {
        auto &histogram = durations.Add({{"hook", "hook_" + std::to_string(i)}}, bounds);
        for (double value : bounds) histogram.Observe(value);
    }
    exposer.RegisterCollectable(registry);
    char byte;
    while (read(0, &byte, 1) > 0) {
    }
}
