// Key files: any text is taken or refused with an Error; what is taken is sound.
#include <cstdlib>

#include "lib/base/error.h"
#include "lib/crypto/key_file.h"

using namespace linecast;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const crypto::KeyFile key = crypto::parse_key_file(text, "fuzzed");
    if ((key.type == crypto::KeyType::kGroup || key.type == crypto::KeyType::kHop) != (key.id != 0))
      std::abort();
    if (crypto::fingerprint(key).size() != 32) std::abort();
  } catch (const Error& error) {
    if (std::string_view(error.what()).substr(0, 7) != "fuzzed:") std::abort();
  }
  return 0;
}
