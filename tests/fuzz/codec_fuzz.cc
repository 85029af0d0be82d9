// Any bytes from the network: an error value or a message that encodes and decodes to itself.
#include "protocol/codec.h"

namespace {

template <class Message>
void round_trip(const docket::Result<Message>& message,
                docket::Result<Message> (*decode)(std::string_view)) {
  if (!message.ok()) return;
  const auto again = decode(docket::encode(*message));
  CHECK_THAT(again.ok() && *again == *message);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view frame(reinterpret_cast<const char*>(data), size);
  round_trip(docket::decode_to_master(frame), docket::decode_to_master);
  round_trip(docket::decode_to_agent(frame), docket::decode_to_agent);
  return 0;
}
