// A connection of a test's own to a database, beside the sink's.
#pragma once

#include <sqlite3.h>

#include <string>

#include "lib/base/error.h"

namespace linecast::usage {

class Database {
 public:
  explicit Database(const std::string& path) { sqlite3_open(path.c_str(), &database_); }
  ~Database() { sqlite3_close(database_); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void run(const std::string& sql) {
    if (sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
      throw Error(sqlite3_errmsg(database_));
  }
  // The rows, columns joined by |.
  std::string ask(const std::string& sql) {
    std::string out;
    const auto add = [](void* to, int columns, char** values, char**) {
      for (int i = 0; i < columns; ++i)
        *static_cast<std::string*>(to) +=
            std::string(values[i] ? values[i] : "null") + (i + 1 < columns ? "|" : "\n");
      return 0;
    };
    if (sqlite3_exec(database_, sql.c_str(), add, &out, nullptr) != SQLITE_OK)
      throw Error(sqlite3_errmsg(database_));
    if (!out.empty()) out.pop_back();
    return out;
  }

 private:
  sqlite3* database_ = nullptr;
};

}  // namespace linecast::usage
