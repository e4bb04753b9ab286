// A file system of a test's own that can be full or read-only: a tmpfs in a mount namespace. Where that can't
// be had (without root, or in a chroot, whose root is no mount), the nearest thing that is real: a limit to
// the size of files, and a directory's mode, which does not bind root, so that the test is another user then.
#pragma once

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "tests/unit/temporary_directory.h"

namespace linecast::usage {

class SmallDisk {
 public:
  explicit SmallDisk(size_t kib) {
    static const bool own_mounts =
        ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    mounted_ = own_mounts && ::mount("tmpfs", path().c_str(), "tmpfs", 0, size(kib).c_str()) == 0;
    if (mounted_) return;
    limit(kib * 1024);
    become(kNobody);
  }
  ~SmallDisk() {
    if (mounted_) {
      ::umount2(path().c_str(), MNT_DETACH);
    } else {
      limit(RLIM_INFINITY);
      become(0);
      ::chmod(path().c_str(), 0700);
    }
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  const std::string& path() const { return made_.path(); }
  void grow(size_t kib) {
    if (mounted_)
      ::mount(nullptr, path().c_str(), nullptr, MS_REMOUNT, size(kib).c_str());
    else
      limit(kib * 1024);
  }
  void make_read_only(bool read_only) {
    if (mounted_)
      ::mount(nullptr, path().c_str(), nullptr, MS_REMOUNT | (read_only ? MS_RDONLY : 0), nullptr);
    else
      ::chmod(path().c_str(), read_only ? 0500 : 0700);
  }

 private:
  static constexpr uid_t kNobody = 65534;

  // Where we are root, or have been; the directory with us.
  void become(uid_t user) {
    if (::setresuid(0, 0, 0) == 0 && ::chown(path().c_str(), user, user) == 0)
      static_cast<void>(::setresuid(user, user, 0) == 0);
  }
  static std::string size(size_t kib) { return "size=" + std::to_string(kib) + "k"; }
  static void limit(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit file_size{};
    ::getrlimit(RLIMIT_FSIZE, &file_size);
    file_size.rlim_cur = std::min(bytes, file_size.rlim_max);
    ::setrlimit(RLIMIT_FSIZE, &file_size);
  }

  TemporaryDirectory made_;
  bool mounted_ = false;
};

}  // namespace linecast::usage
