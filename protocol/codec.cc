#include "protocol/codec.h"

#include <limits>
#include <msgpack.hpp>
#include <type_traits>

namespace docket {
namespace {

// ---- the layout of every message, read and written by the same lines
//
// A field that a later version adds stands at a message's end, behind a.later(): a reader leaves it
// at its default when it is not there. What stands before is mandatory for ever, and elements of
// lists never grow.

template <class Archive, class M>
void attempt_id(Archive& a, M& id) {
  a.job("job", id.job);
  a.number("attempt", id.attempt, 1, std::numeric_limits<std::uint32_t>::max());
}

template <class Archive, class M>
void language(Archive& a, M& m) {
  a.text("language", m.id, kMaxNameBytes);
  a.text("language version", m.version, kMaxNameBytes);
}

template <class Archive, class M>
void host_report(Archive& a, M& m, std::uint32_t least_cores) {
  a.number("cores", m.cores, least_cores, kMaxCores);
  a.number("load_percent", m.load_percent, 0, kMaxLoadPercent);
  a.number("free_memory_mb", m.free_memory_mb);
  a.number("free_disk_mb", m.free_disk_mb);
}

template <class Archive, class M>
void layout(Archive& a, M& m) {
  using T = std::remove_const_t<M>;
  if constexpr (std::is_same_v<T, Heartbeat>) {
    a.time("sender_ms", m.sender_ms);
  } else if constexpr (std::is_same_v<T, Hello>) {
    a.number("protocol", m.protocol);
    a.text("name", m.name, kMaxNameBytes);
    a.number("instance", m.instance);
    a.text("version", m.version, kMaxNameBytes);
    a.number("slots", m.slots, 1, kMaxSlots);
    a.number("weight_percent", m.weight_percent, 1, 10000);
    a.list("languages", m.languages, kMaxLanguages, [&](auto& l) { language(a, l); });
    a.text("sandbox_problem", m.sandbox_problem, kMaxTextBytes);
    a.list("held", m.held, kMaxHeldAttempts, [&](auto& id) { attempt_id(a, id); });
    a.list("tags", m.tags, kMaxTags, [&](auto& tag) { a.text("tag", tag, kMaxNameBytes); });
    host_report(a, m.host, 0);
    a.later();  // from here on since version 2
    a.number("oldest_protocol", m.oldest_protocol);
  } else if constexpr (std::is_same_v<T, Join>) {
    a.number("protocol", m.protocol);
    a.text("name", m.name, kMaxNameBytes);
    a.text("public_key", m.public_key, kMaxNameBytes);
    a.text("version", m.version, kMaxNameBytes);
    a.later();
    a.number("dry_run", m.dry_run, 0, 1);
  } else if constexpr (std::is_same_v<T, SandboxReport>) {
    a.list("languages", m.languages, kMaxLanguages, [&](auto& l) { language(a, l); });
    a.text("sandbox_problem", m.sandbox_problem, kMaxTextBytes);
  } else if constexpr (std::is_same_v<T, HostReport>) {
    host_report(a, m, 1);
    a.later();
    a.time("wall_ms", m.wall_ms);
  } else if constexpr (std::is_same_v<T, NeedChunk>) {
    attempt_id(a, m.id);
    a.text("file", m.file, kMaxNameBytes);
    a.number("offset", m.offset, 0, kMaxFileBytes);
  } else if constexpr (std::is_same_v<T, Finished>) {
    attempt_id(a, m.id);
    a.code("ending", m.ending, 1, kLastWireEnding);
    a.number("http_status", m.http_status, 0, 999);
    a.number("outcome", m.outcome, 0, 255);
    a.bytes("body", m.body, kMaxBodyBytes);
    a.text("detail", m.detail, kMaxTextBytes);
    a.text("fault_signature", m.fault_signature, kMaxTextBytes);
    a.number("push_ms", m.push_ms);
    a.number("run_ms", m.run_ms);
    a.number("load_percent", m.load_percent, 0, kMaxLoadPercent);
    a.code("remark", m.remark, 0, 2);
  } else if constexpr (std::is_same_v<T, Draining> || std::is_same_v<T, Bye> ||
                       std::is_same_v<T, Leave>) {
    // no fields
  } else if constexpr (std::is_same_v<T, Welcome>) {
    a.number("protocol", m.protocol);
    a.text("version", m.version, kMaxNameBytes);
    a.time("master_ms", m.master_ms);
    a.number("heartbeat_ms", m.heartbeat_ms, 1, 3'600'000);
    a.number("silence_ms", m.silence_ms, 1, 3'600'000);
  } else if constexpr (std::is_same_v<T, Refused>) {
    a.code("code", m.code, 1, 4);
    a.text("reason", m.reason, kMaxTextBytes);
  } else if constexpr (std::is_same_v<T, Standing>) {
    a.code("code", m.code, 1, 4);
    a.text("reason", m.reason, kMaxTextBytes);
    a.list("tags", m.tags, kMaxTags, [&](auto& tag) { a.text("tag", tag, kMaxNameBytes); });
    a.later();
    a.text("version", m.version, kMaxNameBytes);
    a.time("wall_ms", m.wall_ms);
  } else if constexpr (std::is_same_v<T, Assign>) {
    attempt_id(a, m.id);
    a.time("expires_ms", m.expires_ms);
    a.number("lease_ms", m.lease_ms);
    a.text("language", m.language, kMaxNameBytes);
    a.list("files", m.files, kMaxFilesPerJob, [&](auto& f) { a.text("file", f, kMaxNameBytes); });
    a.bytes("body", m.body, kMaxBodyBytes);
  } else if constexpr (std::is_same_v<T, FileChunk>) {
    attempt_id(a, m.id);
    a.text("file", m.file, kMaxNameBytes);
    a.number("total_bytes", m.total_bytes, 0, kMaxFileBytes);
    a.number("offset", m.offset, 0, kMaxFileBytes);
    a.bytes("data", m.data, kMaxChunkBytes);
    a.number("version", m.version);
  } else if constexpr (std::is_same_v<T, FileAbsent>) {
    attempt_id(a, m.id);
    a.text("file", m.file, kMaxNameBytes);
  } else {
    static_assert(std::is_same_v<T, Taken> || std::is_same_v<T, Cancel>);
    attempt_id(a, m.id);
  }
}

// The number in front. Never reuse one; protocol/README.md lists them.
template <class M>
constexpr std::uint8_t type_of() {
  if constexpr (std::is_same_v<M, Hello>) return 1;
  if constexpr (std::is_same_v<M, Welcome>) return 2;
  if constexpr (std::is_same_v<M, Refused>) return 3;
  if constexpr (std::is_same_v<M, Heartbeat>) return 4;
  if constexpr (std::is_same_v<M, SandboxReport>) return 5;
  if constexpr (std::is_same_v<M, Assign>) return 6;
  if constexpr (std::is_same_v<M, FileChunk>) return 8;
  if constexpr (std::is_same_v<M, FileAbsent>) return 9;
  if constexpr (std::is_same_v<M, Finished>) return 10;
  if constexpr (std::is_same_v<M, Taken>) return 11;
  if constexpr (std::is_same_v<M, Draining>) return 12;
  if constexpr (std::is_same_v<M, Bye>) return 13;
  if constexpr (std::is_same_v<M, Cancel>) return 14;
  if constexpr (std::is_same_v<M, NeedChunk>) return 15;
  if constexpr (std::is_same_v<M, HostReport>) return 16;
  if constexpr (std::is_same_v<M, Join>) return 17;
  if constexpr (std::is_same_v<M, Leave>) return 18;
  if constexpr (std::is_same_v<M, Standing>) return 19;
}

// ---- writing

struct Sink {
  std::string& out;
  void write(const char* data, std::size_t size) { out.append(data, size); }
};

// Lists are flat: a count, then the elements' fields. Nesting never exceeds the one array.
class Counter {
 public:
  std::uint32_t fields = 0;
  void later() {}
  template <class T>
  void number(const char*, T, std::uint64_t = 0, std::uint64_t = 0) {
    ++fields;
  }
  void time(const char*, MonoMs) { ++fields; }
  template <class E>
  void code(const char*, E, std::uint8_t, std::uint8_t) {
    ++fields;
  }
  void text(const char*, const std::string&, std::size_t) { ++fields; }
  void bytes(const char*, const std::string&, std::size_t) { ++fields; }
  void job(const char*, const JobId&) { ++fields; }
  template <class T, class F>
  void list(const char*, const std::vector<T>& items, std::size_t, F each) {
    ++fields;
    for (const auto& item : items) each(item);
  }
};

class Writer {
 public:
  explicit Writer(std::string& out) : sink_{out}, packer_(sink_) {}

  void begin(std::uint32_t fields, std::uint8_t type) {
    packer_.pack_array(fields + 1);
    packer_.pack_uint8(type);
  }
  void later() {}
  template <class T>
  void number(const char*, T value, std::uint64_t = 0, std::uint64_t = 0) {
    packer_.pack(value);
  }
  void time(const char*, MonoMs value) { packer_.pack_int64(value); }
  template <class E>
  void code(const char*, E value, std::uint8_t, std::uint8_t) {
    packer_.pack_uint8(static_cast<std::uint8_t>(value));
  }
  void text(const char*, const std::string& value, std::size_t max) {
    CHECK_THAT(value.size() <= max);
    packer_.pack(value);
  }
  void bytes(const char*, const std::string& value, std::size_t max) {
    CHECK_THAT(value.size() <= max);
    packer_.pack_bin(static_cast<std::uint32_t>(value.size()));
    packer_.pack_bin_body(value.data(), static_cast<std::uint32_t>(value.size()));
  }
  void job(const char*, const JobId& id) {
    char raw[16];
    for (int i = 0; i < 8; ++i) {
      raw[i] = static_cast<char>(id.hi >> (56 - 8 * i));
      raw[8 + i] = static_cast<char>(id.lo >> (56 - 8 * i));
    }
    packer_.pack_bin(sizeof raw);
    packer_.pack_bin_body(raw, sizeof raw);
  }
  template <class T, class F>
  void list(const char*, const std::vector<T>& items, std::size_t max, F each) {
    CHECK_THAT(items.size() <= max);
    packer_.pack(items.size());
    for (const auto& item : items) each(item);
  }

 private:
  Sink sink_;
  msgpack::packer<Sink> packer_;
};

template <class Variant>
std::string encode_any(const Variant& message) {
  return std::visit(
      [](const auto& m) {
        Counter counter;
        layout(counter, m);
        std::string out;
        Writer writer(out);
        writer.begin(counter.fields, type_of<std::remove_cvref_t<decltype(m)>>());
        layout(writer, m);
        return out;
      },
      message);
}

// ---- reading

class Reader {
 public:
  explicit Reader(const msgpack::object_array& array) : array_(array) {}

  bool failed() const { return !problem_.empty(); }
  const std::string& problem() const { return problem_; }

  // The fields behind this may be missing.
  void later() { optional_ = true; }

  template <class T>
  void number(const char* field, T& value, std::uint64_t min = 0,
              std::uint64_t max = std::numeric_limits<T>::max()) {
    const auto* object = next(field, msgpack::type::POSITIVE_INTEGER);
    if (object == nullptr) return;
    if (object->via.u64 < min || object->via.u64 > max) return fail(field, "is out of range");
    value = static_cast<T>(object->via.u64);
  }
  void time(const char* field, MonoMs& value) {
    auto raw = static_cast<std::uint64_t>(value);
    number(field, raw, 0, static_cast<std::uint64_t>(kNever));
    value = static_cast<MonoMs>(raw);
  }
  template <class E>
  void code(const char* field, E& value, std::uint8_t min, std::uint8_t max) {
    auto raw = static_cast<std::uint8_t>(value);
    number(field, raw, min, max);
    if (!failed()) value = static_cast<E>(raw);
  }
  void text(const char* field, std::string& value, std::size_t max) {
    const auto* object = next(field, msgpack::type::STR);
    if (object == nullptr) return;
    if (object->via.str.size > max) return fail(field, "is too long");
    value.assign(object->via.str.ptr, object->via.str.size);
  }
  void bytes(const char* field, std::string& value, std::size_t max) {
    const auto* object = next(field, msgpack::type::BIN);
    if (object == nullptr) return;
    if (object->via.bin.size > max) return fail(field, "is too long");
    value.assign(object->via.bin.ptr, object->via.bin.size);
  }
  void job(const char* field, JobId& id) {
    const auto* object = next(field, msgpack::type::BIN);
    if (object == nullptr) return;
    if (object->via.bin.size != 16) return fail(field, "is not 16 bytes");
    for (int i = 0; i < 8; ++i) {
      id.hi = (id.hi << 8) | static_cast<std::uint8_t>(object->via.bin.ptr[i]);
      id.lo = (id.lo << 8) | static_cast<std::uint8_t>(object->via.bin.ptr[8 + i]);
    }
  }
  template <class T, class F>
  void list(const char* field, std::vector<T>& items, std::size_t max, F each) {
    std::uint64_t count = 0;
    number(field, count, 0, max);
    for (std::uint64_t i = 0; i < count && !failed(); ++i) each(items.emplace_back());
  }

 private:
  void fail(const char* field, const char* what) {
    if (problem_.empty()) problem_ = std::string(field) + " " + what;
  }
  const msgpack::object* next(const char* field, msgpack::type::object_type wanted) {
    if (failed()) return nullptr;
    if (at_ >= array_.size) {
      if (!optional_) fail(field, "is missing");
      return nullptr;
    }
    const auto& object = array_.ptr[at_++];
    if (object.type != wanted) {
      fail(field, "has the wrong type");
      return nullptr;
    }
    return &object;
  }

  const msgpack::object_array& array_;
  std::uint32_t at_ = 1;  // behind the type
  bool optional_ = false;
  std::string problem_;
};

Error bad_frame(const std::string& what) {
  return {ErrorCode::corrupt, "bad frame: " + what};
}

template <class Variant, std::size_t I = 0>
Result<Variant> read_as(std::uint64_t type, const msgpack::object_array& array) {
  if constexpr (I == std::variant_size_v<Variant>) {
    return bad_frame("unknown type " + std::to_string(type));
  } else {
    using M = std::variant_alternative_t<I, Variant>;
    if (type_of<M>() != type) return read_as<Variant, I + 1>(type, array);
    M message;
    Reader reader(array);
    layout(reader, message);
    if (reader.failed()) return bad_frame("type " + std::to_string(type) + ": " + reader.problem());
    return Variant(std::move(message));
  }
}

bool keep_reference(msgpack::type::object_type, std::size_t, void*) {
  return true;
}

template <class Variant>
Result<Variant> decode_any(std::string_view frame) {
  if (frame.size() > kMaxFrameBytes) return bad_frame("too large");
  // One flat array, with room for a later version's fields; an element costs at least a byte, so
  // the count is bounded by the frame too.
  const std::size_t most_elements = 128 + 2 * kMaxHeldAttempts + 2 * kMaxLanguages;
  const msgpack::unpack_limit limit(most_elements, 0, kMaxFrameBytes, kMaxFrameBytes, 0, 2);
  try {
    std::size_t offset = 0;
    const auto handle =
        msgpack::unpack(frame.data(), frame.size(), offset, keep_reference, nullptr, limit);
    if (offset != frame.size()) return bad_frame("bytes behind the message");
    const msgpack::object& object = handle.get();
    if (object.type != msgpack::type::ARRAY || object.via.array.size == 0 ||
        object.via.array.ptr[0].type != msgpack::type::POSITIVE_INTEGER) {
      return bad_frame("not an array that begins with a type");
    }
    return read_as<Variant>(object.via.array.ptr[0].via.u64, object.via.array);
  } catch (const std::exception&) {  // msgpack's, for malformed or oversized input
    return bad_frame("not msgpack within the bounds");
  }
}

}  // namespace

std::string encode(const ToMaster& message) {
  return encode_any(message);
}
std::string encode(const ToAgent& message) {
  return encode_any(message);
}

Result<ToMaster> decode_to_master(std::string_view frame) {
  return decode_any<ToMaster>(frame);
}
Result<ToAgent> decode_to_agent(std::string_view frame) {
  return decode_any<ToAgent>(frame);
}

}  // namespace docket
