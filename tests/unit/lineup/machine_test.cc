// What is checked against this machine, with real files, keys and interfaces.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>

#include "lib/crypto/key_file.h"
#include "tests/unit/lineup/spoiled_lineup.h"

namespace linecast::lineup {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// A directory with all that the good lineup names, for tests to take from.
class Machine : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = fs::temp_directory_path() / ("linecast-lineup-machine-" + std::to_string(::getpid()));
    fs::remove_all(directory_);
    fs::create_directories(directory_ / "state");
    fs::create_directories(directory_ / "run");
    crypto::write_signing_key(directory_ / "head.key", {1, 2, 3});
    crypto::write_group_key(directory_ / "news.key",
                            {.id = 5, .cipher = crypto::Cipher::kAes128Gcm, .bytes = {9}});
  }
  void TearDown() override { fs::remove_all(directory_); }

  std::string faults(std::string text) {
    // Machines with one core or two test this, too.
    text.replace(text.find("lanes: {lcores: [1, 2], main_lcore: 0"), 37,
                 "lanes: {lcores: [0], main_lcore: 1000");
    const std::string path = directory_ / "lineup.yaml";
    { std::ofstream(path) << text; }
    const LoadResult result = load(path);
    std::string all;
    for (const Fault& fault : result.faults)
      if (fault.what.find("lcore 1000") == std::string::npos)
        all += format_fault("lineup.yaml", fault) + "\n";
    return all;
  }

  void expect_on_loopback(const std::function<bool(int fd, ifreq& request)>& set_up,
                          const std::vector<std::string>& lines);

  fs::path directory_;
};

TEST_F(Machine, LacksNothing) { EXPECT_EQ(faults(kGoodLineup), ""); }

TEST_F(Machine, CoresThatAreNotThere) {
  std::string text = kGoodLineup;
  text.replace(text.find("[1, 2]"), 6, "[0, 1001]");
  { std::ofstream(directory_ / "lineup.yaml") << text; }
  const LoadResult result = load(directory_ / "lineup.yaml");
  ASSERT_FALSE(result.faults.empty());
  EXPECT_THAT(faults_of(result),
              HasSubstr("lineup.yaml:2:17: error: lcores names lcore 1001, but this machine has "));
}

TEST_F(Machine, DirectoriesOfUsage) {
  const auto with = [](const std::string& from, const std::string& to) { return Spoiled(from, to).text; };
  EXPECT_EQ(faults(with("directory: usage", "directory: state/usage")), "") << "made by the headend";
  EXPECT_THAT(faults(with("directory: usage", "directory: gone/usage")),
              HasSubstr("7:20: error: the directory of usage's directory, " + (directory_ / "gone").string() +
                        ", does not exist: make it with: mkdir -p"));
  EXPECT_THAT(faults(with("directory: usage", "directory: news.key")), HasSubstr("is no directory"));
  EXPECT_THAT(faults(with("file: bills.jsonl", "file: gone/bills.jsonl")), HasSubstr("of json's file, "));
  EXPECT_THAT(faults(with("file: bills.sqlite", "file: gone/bills")), HasSubstr("of sqlite's file, "));
  EXPECT_EQ(
      faults(with("sqlite: {enabled: on, file: bills.sqlite}", "sqlite: {enabled: no, file: gone/bills}")),
      "");
}

TEST_F(Machine, StateDirectory) {
  fs::remove(directory_ / "state");
  EXPECT_THAT(faults(kGoodLineup), HasSubstr("1:44: error: state directory " +
                                             (directory_ / "state").string() + " does not exist"));
  { std::ofstream(directory_ / "state") << "x"; }
  EXPECT_THAT(faults(kGoodLineup), HasSubstr("is no directory"));
}

TEST_F(Machine, ControlSocket) {
  { std::ofstream(directory_ / "run" / "demo.sock") << "x"; }
  EXPECT_THAT(faults(kGoodLineup), HasSubstr("is there already and no socket"));
  fs::remove_all(directory_ / "run");
  EXPECT_THAT(faults(kGoodLineup), HasSubstr("error: the control socket's directory " +
                                             (directory_ / "run").string() + " does not exist"));
}

TEST_F(Machine, KeyFiles) {
  fs::permissions(directory_ / "news.key", fs::perms::others_read, fs::perm_options::add);
  EXPECT_THAT(faults(kGoodLineup), HasSubstr("lineup.yaml:17:10: error: "));
  EXPECT_THAT(faults(kGoodLineup), HasSubstr("chmod 600"));
  fs::remove(directory_ / "news.key");
  EXPECT_THAT(faults(kGoodLineup), HasSubstr((directory_ / "news.key").string()));
  fs::copy_file(directory_ / "head.key", directory_ / "news.key");
  EXPECT_THAT(faults(kGoodLineup), HasSubstr("lineup.yaml:17:10: error: "));
}

TEST_F(Machine, KeyOfADisabledChannelOnlyWarns) {
  fs::remove(directory_ / "news.key");
  std::string text = kGoodLineup;
  text.replace(text.find("enabled: true"), 13, "enabled: false");
  EXPECT_THAT(faults(text), HasSubstr("lineup.yaml:17:10: warning: "));
  // But not where an enabled one needs the same.
  text.replace(text.find("clear: true"), 11, "key: news.key");
  EXPECT_THAT(faults(text), HasSubstr("lineup.yaml:17:10: error: "));
}

TEST_F(Machine, SigningKey) {
  fs::remove(directory_ / "head.key");
  EXPECT_THAT(faults(kGoodLineup),
              HasSubstr("lineup.yaml:1:64: error: " + (directory_ / "head.key").string()));
  fs::copy_file(directory_ / "news.key", directory_ / "head.key");
  EXPECT_THAT(faults(kGoodLineup), HasSubstr("lineup.yaml:1:64: error: "));
}

TEST_F(Machine, Interfaces) {
  std::string text = kGoodLineup;
  text.replace(text.find("iface=lo"), 8, "iface=lp");
  EXPECT_EQ(faults(text).find("lineup.yaml:5:25: error: there is no network interface \"lp\" here"), 0u);
  EXPECT_THAT(faults(text), HasSubstr("did you mean \"lo\"?"));
}

// Runs the check in a network namespace of its own, where the loopback is what `set_up` makes of it (by
// ioctl; false: it failed), and expects each of `lines` among the faults.
void Machine::expect_on_loopback(const std::function<bool(int fd, ifreq& request)>& set_up,
                                 const std::vector<std::string>& lines) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (::unshare(CLONE_NEWNET) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) ::_exit(77);
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    if (!set_up(::socket(AF_INET, SOCK_DGRAM, 0), request)) ::_exit(76);
    const std::string found = faults(kGoodLineup);
    bool good = true;
    for (const std::string& line : lines) good = good && found.find(line) != std::string::npos;
    if (!good) std::fprintf(stderr, "%s", found.c_str());
    ::_exit(good ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "no network namespaces for this user";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(Machine, InterfaceThatIsDownWithASmallerMtu) {
  const auto set_up = [](int fd, ifreq& request) {
    request.ifr_mtu = 1280;
    return ::ioctl(fd, SIOCSIFMTU, &request) == 0;
  };
  expect_on_loopback(set_up,
                     {"5:98: warning: the MTU is 1500, but that of network interface lo is 1280",
                      "5:25: warning: network interface lo is down, so nothing comes or goes: run: ip "
                      "link set lo up"});
}

TEST_F(Machine, InterfaceThatTheKernelUses) {
  const auto set_up = [](int fd, ifreq& request) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(0xc0000202);
    std::memcpy(&request.ifr_addr, &address, sizeof address);
    if (::ioctl(fd, SIOCSIFADDR, &request) != 0) return false;
    request.ifr_flags = IFF_UP;
    if (::ioctl(fd, SIOCSIFFLAGS, &request) != 0) return false;
    rtentry route{};
    sockaddr_in any{};
    any.sin_family = AF_INET;
    std::memcpy(&route.rt_dst, &any, sizeof any);
    std::memcpy(&route.rt_genmask, &any, sizeof any);
    route.rt_dev = request.ifr_name;
    route.rt_flags = RTF_UP;
    return ::ioctl(fd, SIOCADDRT, &route) == 0;
  };
  expect_on_loopback(set_up,
                     {"5:25: warning: network interface lo has address 192.0.2.2 and the default route in "
                      "the kernel, which answers there beside the headend"});
}

TEST_F(Machine, Cards) {
  std::string text = kGoodLineup;
  text.replace(text.find("\"--no-pci\", "), 12, "");
  text.replace(text.find("net_null0"), 9, "\"ffff:ff:1f.7\"");
  EXPECT_THAT(faults(text), HasSubstr("lineup.yaml:6:26: error: there is no PCI device ffff:ff:1f.7 here"));
}

}  // namespace
}  // namespace linecast::lineup
