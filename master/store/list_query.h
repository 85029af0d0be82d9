// A list of jobs as SQL: which index finds them, what is asked of it. Private to master/store;
// plain values.
//
// The ids are found in an index that holds all columns a filter names, so that only the rows that
// are shown are read: a row of a job takes kilobytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "master/core/seams.h"
#include "master/store/sqlite.h"

namespace docket::store {

class ListQuery {
 public:
  explicit ListQuery(const JobFilter& filter);

  // Gives kListedColumns, newest first.
  const std::string& sql() const { return sql_; }
  // The query must outlive the statement's steps.
  void bind_to(Statement& statement) const;

 private:
  using Value = std::variant<std::int64_t, std::string>;

  void require(std::string_view condition, Value value);

  std::string conditions_;
  std::vector<Value> values_;
  std::string sql_;
};

}  // namespace docket::store
