#include "lib/crypto/manager.h"

#include <fmt/format.h>
#include <intel-ipsec-mb.h>

#include "lib/base/error.h"

namespace linecast::crypto {

void wipe(MutableBytes secret) { imb_clear_mem(secret.data(), secret.size()); }

Manager::Manager() : mgr_(alloc_mb_mgr(0)) {
  if (mgr_ == nullptr) throw Error("ipsec-mb: no memory for a crypto manager");
  IMB_ARCH arch = IMB_ARCH_NONE;
  init_mb_mgr_auto(mgr_, &arch);
  const int fault = imb_get_errno(mgr_);
  const uint64_t features = mgr_->features;

  std::string why;
  constexpr uint64_t kSelfTest = IMB_FEATURE_SELF_TEST | IMB_FEATURE_SELF_TEST_PASS;
  if (fault == IMB_ERR_SELFTEST || (features & kSelfTest) != kSelfTest) {
    why =
        "ipsec-mb: the self test failed: the library or the processor computes wrongly; reinstall "
        "libipsec-mb1";
  } else if (fault != 0) {
    why = fmt::format("ipsec-mb: {}", imb_get_strerror(fault));
  } else if (arch == IMB_ARCH_NONE || arch == IMB_ARCH_NOAESNI) {
    why =
        "this processor has no AES-NI and PCLMULQDQ instructions; linecast needs them "
        "(in a virtual machine, pass the host's processor through)";
  }
  if (!why.empty()) {
    free_mb_mgr(mgr_);
    throw Error(why);
  }
}

Manager::~Manager() { free_mb_mgr(mgr_); }

}  // namespace linecast::crypto
