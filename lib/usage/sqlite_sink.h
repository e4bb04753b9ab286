// Usage records in an SQLite database: the table `usage`, a row a record, a transaction a batch.
//
// The record's number is the primary key, so what comes twice is there once. The write-ahead log lets others
// read meanwhile; each commit is synced to the disk (synchronous=FULL). A file that can't be used (locked,
// damaged, of another layout, on a full disk) is left as it is, and Error says what to do: records wait in
// the journal. The file is opened anew after each fault, and when it was moved away.
#pragma once

#include <sys/types.h>

#include <memory>

#include "lib/usage/sink.h"

struct sqlite3;
struct sqlite3_stmt;

namespace linecast::usage {

class SqliteSink : public Sink {
 public:
  // How long a batch waits for another's lock before it fails, to be tried again.
  static constexpr int kLockWaitMs = 1000;
  static constexpr int kLayout = 1;  // of the table: user_version

  explicit SqliteSink(std::string path) : path_(std::move(path)) {}

  void deliver(std::span<const NumberedRecord> records) override;

 private:
  struct Close {
    void operator()(sqlite3* database) const;
    void operator()(sqlite3_stmt* statement) const;
  };

  void open();
  bool moved_away() const;
  void make_layout();
  void insert(const NumberedRecord& record);
  void run(const char* sql);
  int64_t ask(const char* sql);
  [[noreturn]] void fail(int code);

  const std::string path_;
  std::unique_ptr<sqlite3, Close> database_;  // null: to be opened
  std::unique_ptr<sqlite3_stmt, Close> insert_;
  dev_t device_ = 0;  // of the open file
  ino_t inode_ = 0;
};

}  // namespace linecast::usage
