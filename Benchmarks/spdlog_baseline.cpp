#include "spdlog_baseline.h"

#include <spdlog/async.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <thread>

static std::shared_ptr<spdlog::async_logger> logger;

extern "C" void spdlog_open(const char *path, size_t queue) {
    spdlog::init_thread_pool(queue, 1);
    auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path, true);
    logger = std::make_shared<spdlog::async_logger>("fetch", sink, spdlog::thread_pool(),
                                                    spdlog::async_overflow_policy::block);
    logger->set_pattern("%v");
}

// Passes the record unformatted: spdlog has nothing cheaper.
extern "C" void spdlog_write(const void *record, size_t bytes) {
    logger->log(spdlog::level::info, spdlog::string_view_t(static_cast<const char *>(record), bytes));
}

extern "C" void spdlog_drain(void) {
    while (spdlog::thread_pool()->queue_size() != 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

extern "C" void spdlog_close(void) {
    logger.reset();
    spdlog::shutdown();
}
