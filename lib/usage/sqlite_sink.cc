#include "lib/usage/sqlite_sink.h"

#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <cstring>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/process.h"
#include "lib/usage/record_text.h"

namespace linecast::usage {
namespace {

constexpr mode_t kMode = 0640;

constexpr const char* kMakeTable = R"(
CREATE TABLE usage (
  record INTEGER PRIMARY KEY,      -- rises from record to record
  session TEXT NOT NULL,
  part INTEGER NOT NULL,           -- of the session, from 1; parts neither overlap nor leave gaps
  channel TEXT NOT NULL,
  channel_id TEXT NOT NULL,
  receiver TEXT,                   -- its id; null on clear channels
  address TEXT NOT NULL,
  reported_address TEXT,           -- clear channels: what the receiver takes for its address
  repeater INTEGER NOT NULL,       -- 1: the row stands for a repeater's receivers
  reached TEXT NOT NULL,
  ended TEXT NOT NULL,
  began_at TEXT NOT NULL,          -- UTC
  ended_at TEXT NOT NULL,
  receivers INTEGER NOT NULL,
  watched_ms INTEGER NOT NULL,     -- of all of them
  claimed_s INTEGER NOT NULL       -- watched, as the receiver says
))";

constexpr const char* kInsert =
    "INSERT OR IGNORE INTO usage VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16)";

// What is bound must last until the statement has run.
void bind(sqlite3_stmt* statement, int at, std::string_view text) {
  sqlite3_bind_text(statement, at, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
}
void bind(sqlite3_stmt* statement, int at, uint64_t number) {
  sqlite3_bind_int64(statement, at, static_cast<sqlite3_int64>(number));
}

}  // namespace

void SqliteSink::Close::operator()(sqlite3* database) const { sqlite3_close_v2(database); }
void SqliteSink::Close::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

void SqliteSink::deliver(std::span<const NumberedRecord> records) {
  if (database_ && moved_away()) {
    insert_.reset();
    database_.reset();
  }
  if (!database_) open();
  run("BEGIN IMMEDIATE");
  for (const NumberedRecord& record : records) insert(record);
  run("COMMIT");
}

void SqliteSink::open() {
  // Made here, as SQLite would let everybody read it, and can't say why it can't make one.
  const FileDescriptor made(::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, kMode));
  if (!made.ok() && errno != EEXIST) {
    const int why = errno;
    throw Error(
        fmt::format("{}: cannot be made: {}{}", path_, std::strerror(why), advice_to_write(why, path_)));
  }
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(path_.c_str(), &opened,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  database_.reset(opened);
  if (code != SQLITE_OK) fail(code);
  sqlite3_extended_result_codes(opened, 1);
  sqlite3_busy_timeout(opened, kLockWaitMs);
  const int64_t layout = ask("PRAGMA user_version");
  const bool empty = ask("SELECT count(*) FROM sqlite_schema") == 0;
  if (layout != kLayout && !(layout == 0 && empty)) {
    database_.reset();
    throw Error(
        fmt::format("{}: is a database of something else (its user_version is {}, not {}): name another "
                    "file, or move it away",
                    path_, layout, kLayout));
  }
  ask("PRAGMA journal_mode=WAL");
  run("PRAGMA synchronous=FULL");
  if (empty) make_layout();
  sqlite3_stmt* statement = nullptr;
  if (const int prepared = sqlite3_prepare_v2(opened, kInsert, -1, &statement, nullptr);
      prepared != SQLITE_OK)
    fail(prepared);
  insert_.reset(statement);
  struct stat about {};
  if (::stat(path_.c_str(), &about) != 0) return;  // moved away already: seen with the next batch
  device_ = about.st_dev;
  inode_ = about.st_ino;
}

bool SqliteSink::moved_away() const {
  struct stat about {};
  return ::stat(path_.c_str(), &about) != 0 || about.st_dev != device_ || about.st_ino != inode_;
}

void SqliteSink::make_layout() {
  run("BEGIN IMMEDIATE");
  run(kMakeTable);
  run(fmt::format("PRAGMA user_version={}", kLayout).c_str());
  run("COMMIT");
}

void SqliteSink::insert(const NumberedRecord& numbered) {
  const UsageRecord& r = numbered.record;
  sqlite3_stmt* const s = insert_.get();
  const std::string session = session_text(r), channel_id = channel_id_text(r),
                    receiver = hex_text(r.receiver), address = to_string(r.address),
                    reported = to_string(r.reported), from = utc_text(r.from_ns), to = utc_text(r.to_ns);
  bind(s, 1, numbered.number);
  bind(s, 2, session);
  bind(s, 3, uint64_t{r.part});
  bind(s, 4, r.channel.view());
  bind(s, 5, channel_id);
  if (r.receiver != 0) {
    bind(s, 6, receiver);
    sqlite3_bind_null(s, 8);
  } else {
    sqlite3_bind_null(s, 6);
    bind(s, 8, reported);
  }
  bind(s, 7, address);
  bind(s, 9, uint64_t{r.repeater});
  bind(s, 10, kReachTexts[static_cast<size_t>(r.reach)].name);
  bind(s, 11, kEndTexts[static_cast<size_t>(r.end)].name);
  bind(s, 12, from);
  bind(s, 13, to);
  bind(s, 14, uint64_t{r.receivers});
  bind(s, 15, r.watched_ms);
  bind(s, 16, uint64_t{r.claimed_s});
  const int code = sqlite3_step(s);
  sqlite3_reset(s);
  if (code != SQLITE_DONE) fail(code);
}

void SqliteSink::run(const char* sql) {
  if (const int code = sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr); code != SQLITE_OK)
    fail(code);
}

// The first column of the first row; 0 where that is no number.
int64_t SqliteSink::ask(const char* sql) {
  sqlite3_stmt* prepared = nullptr;
  int code = sqlite3_prepare_v2(database_.get(), sql, -1, &prepared, nullptr);
  const std::unique_ptr<sqlite3_stmt, Close> statement(prepared);
  if (code == SQLITE_OK) code = sqlite3_step(prepared);
  if (code != SQLITE_ROW) fail(code);
  return sqlite3_column_int64(prepared, 0);
}

// Closing rolls back what was begun.
void SqliteSink::fail(int code) {
  const std::string said = database_ ? sqlite3_errmsg(database_.get()) : sqlite3_errstr(code);
  const int why = database_ ? sqlite3_system_errno(database_.get()) : 0;
  insert_.reset();
  database_.reset();
  const std::string quoted = shell_quoted(path_), directory = shell_quoted(directory_of(path_));
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw Error(fmt::format("{}: {}", path_,
                              in_use_by(holder_of(path_),
                                        "It is tried again until the lock is gone. If that does "
                                        "not end, stop it")));
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      throw Error(fmt::format(
          "{}: is damaged, or no SQLite database ({}). It is left as it is. Move it away, with what belongs "
          "to it, and "
          "a new one is made: mkdir {}/damaged && mv {}* {}/damaged/. What it holds can be saved by: sqlite3 "
          "FILE .recover",
          path_, said, directory, quoted, directory));
    case SQLITE_FULL:
      throw Error(fmt::format("{}: cannot be written: {}{}", path_, said, advice_to_write(ENOSPC, path_)));
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN: {
      // SQLite needs the directory too, for the log beside the file.
      const bool writable = FileDescriptor(::open(path_.c_str(), O_RDWR | O_CLOEXEC)).ok() &&
                            ::access(directory_of(path_).c_str(), W_OK) == 0;
      const int cause = writable ? why : errno;
      throw Error(fmt::format("{}: cannot be written: {}{}", path_, cause != 0 ? std::strerror(cause) : said,
                              advice_to_write(cause, path_)));
    }
    default:
      throw Error(fmt::format("{}: {}{}{}{}", path_, said, why != 0 ? ": " : "",
                              why != 0 ? std::strerror(why) : "", advice_to_write(why, path_)));
  }
}

}  // namespace linecast::usage
