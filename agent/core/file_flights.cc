#include "agent/core/file_flights.h"

#include <algorithm>

namespace docket::agent {

void FileFlights::want(const std::string& file, const AttemptId& id, MonoMs until) {
  const auto [flight, is_new] = flights_.try_emplace(file);
  flight->second.waiting[id] = until;
  if (is_new) line_.push_back(file);
}

void FileFlights::leave(const std::string& file, const AttemptId& id) {
  const auto found = flights_.find(file);
  if (found == flights_.end()) return;
  Flight& flight = found->second;
  flight.waiting.erase(id);
  // A push goes on to its end: another of the same file must not begin beside it.
  if (!flight.waiting.empty() || flight.stage == Stage::pushing) return;
  std::erase(open_, file);
  flights_.erase(found);
}

void FileFlights::ask_again() {
  for (const std::string& file : open_) {
    Flight& flight = flights_.at(file);
    flight.unanswered = 0;
    flight.asked = flight.content.size();
  }
}

FileFlights::Flight* FileFlights::find(const std::string& file, Stage stage) {
  const auto found = flights_.find(file);
  return found == flights_.end() || found->second.stage != stage ? nullptr : &found->second;
}

FileNews FileFlights::close(const std::string& file, Ending ending, std::string detail) {
  FileNews news{file, {}, ending, std::move(detail)};
  for (const auto& [id, until] : flights_.at(file).waiting) news.waiting.push_back(id);
  std::erase(open_, file);
  flights_.erase(file);
  return news;
}

std::optional<FileNews> FileFlights::on(const FileChecked& event) {
  Flight* flight = find(event.file, Stage::checking);
  if (flight == nullptr) return std::nullopt;
  if (event.present) return close(event.file, Ending::none, {});
  flight->stage = Stage::fetching;
  return std::nullopt;
}

std::optional<FileNews> FileFlights::on(FileChunk& message, Now now, Effects& out) {
  Flight* flight = find(message.file, Stage::fetching);
  if (flight == nullptr) return std::nullopt;
  const bool same = flight->begun && flight->version == message.version &&
                    flight->total_bytes == message.total_bytes;
  if (!same) {
    // The first piece, or somebody overwrote the file meanwhile: from the beginning.
    flight->begun = true;
    flight->version = message.version;
    flight->total_bytes = message.total_bytes;
    flight->content.clear();
    flight->content.reserve(message.total_bytes);
    flight->asked = 0;
  }
  if (message.data.empty() && message.offset < message.total_bytes) {
    return close(message.file, Ending::files_unavailable,
                 "the master sent nothing of file " + message.file);
  }
  if (message.offset == flight->content.size()) flight->content += message.data;
  flight->asked = std::max<std::uint64_t>(flight->asked, flight->content.size());
  answered(*flight);
  if (flight->content.size() >= flight->total_bytes) push(message.file, *flight, now, out);
  return std::nullopt;
}

std::optional<FileNews> FileFlights::on(const FileAbsent& message) {
  Flight* flight = find(message.file, Stage::fetching);
  if (flight == nullptr) return std::nullopt;
  answered(*flight);
  // The word is about this attempt; another that waits may still have a right to the file.
  if (!flight->waiting.contains(message.id)) return std::nullopt;
  leave(message.file, message.id);
  return FileNews{message.file,
                  {message.id},
                  Ending::files_unavailable,
                  "the master has no file " + message.file};
}

std::optional<FileNews> FileFlights::on(const FilePushed& event) {
  if (find(event.file, Stage::pushing) == nullptr) return std::nullopt;
  if (event.problem.empty()) return close(event.file, Ending::none, {});
  return close(event.file, Ending::push_failed, "file " + event.file + ": " + event.problem);
}

void FileFlights::answered(Flight& flight) {
  if (flight.unanswered > 0) --flight.unanswered;
  // Nothing more comes by itself: what is missing is asked for, be it again.
  if (flight.unanswered == 0) flight.asked = flight.content.size();
}

void FileFlights::push(const std::string& file, Flight& flight, Now now, Effects& out) {
  MonoMs until = now.mono + 1;
  for (const auto& [id, patience] : flight.waiting) until = std::max(until, patience);
  flight.stage = Stage::pushing;
  out.push_back(
      PutFile{file, std::move(flight.content), static_cast<std::uint32_t>(until - now.mono)});
}

void FileFlights::go_on(bool linked, Effects& out) {
  while (open_.size() < kMostOpenFiles && !line_.empty()) {
    const std::string file = std::move(line_.front());
    line_.pop_front();
    Flight* flight = find(file, Stage::waiting);
    if (flight == nullptr) continue;
    flight->stage = Stage::checking;
    open_.push_back(file);
    out.push_back(CheckFile{file});
  }
  if (!linked) return;
  std::size_t under_way = 0;
  for (const std::string& file : open_) under_way += flights_.at(file).unanswered;
  for (const std::string& file : open_) {
    Flight* flight = find(file, Stage::fetching);
    if (flight == nullptr) continue;
    // How much there is to ask for is known with the first piece.
    const auto wants = [&] {
      return flight->begun ? flight->asked < flight->total_bytes : flight->unanswered == 0;
    };
    for (; under_way < kMostChunksUnderWay && wants(); ++under_way) {
      out.push_back(SendToMaster{NeedChunk{flight->waiting.begin()->first, file, flight->asked}});
      flight->asked += kMaxChunkBytes;
      ++flight->unanswered;
    }
  }
}

}  // namespace docket::agent
