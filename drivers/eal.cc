#include "drivers/eal.h"

#include <fmt/core.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_malloc.h>

#include <cstdio>
#include <cstdlib>

#include "lib/base/error.h"

namespace linecast::drivers {
namespace {

// EAL keeps pointers into its arguments, and permutes them.
std::vector<std::string> kept_arguments;

const char* advice(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
      return "Run as root, or give the user access to hugepages and devices";
    case EAGAIN:
    case EBUSY:
      return "Is another instance running with the same --file-prefix or device?";
    case ENOMEM:
      return "Reserve more hugepages (sysctl vm.nr_hugepages)";
    case ENODEV:
      return "Check device: of the ports";
    default:
      return "Check device: of the ports, and eal:";
  }
}

}  // namespace

Eal::Eal(const std::string& program, const std::vector<std::string>& arguments) {
  kept_arguments = arguments;
  kept_arguments.insert(kept_arguments.begin(), program);
  std::vector<char*> argv;
  argv.reserve(kept_arguments.size() + 1);
  for (std::string& argument : kept_arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);

  // What EAL says is shown only where it fails: on a good start its notices would bury the one line that
  // matters.
  char* said = nullptr;
  size_t size = 0;
  FILE* stream = open_memstream(&said, &size);
  rte_openlog_stream(stream);
  rte_log_set_global_level(RTE_LOG_NOTICE);
  const int result = rte_eal_init(static_cast<int>(argv.size()) - 1, argv.data());
  const int error = rte_errno;
  rte_openlog_stream(stderr);
  fclose(stream);
  if (said != nullptr) words_.assign(said, size);
  free(said);
  if (result < 0)
    throw Error(fmt::format("DPDK does not start: {}. {}. DPDK's words:\n{}", rte_strerror(error),
                            advice(error), words_));
  rte_log_set_global_level(RTE_LOG_WARNING);
}

Eal::~Eal() { rte_eal_cleanup(); }

uint64_t free_heap_bytes() {
  uint64_t free = 0;
  for (unsigned i = 0; i < rte_socket_count(); ++i) {
    rte_malloc_socket_stats stats{};
    if (rte_malloc_get_socket_stats(rte_socket_id_by_idx(i), &stats) == 0) free += stats.heap_freesz_bytes;
  }
  return free;
}

}  // namespace linecast::drivers
