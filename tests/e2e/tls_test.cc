// TLS by nginx and by HAProxy, with the files of docs/tls and a certificate of our own: runs
// through both listeners, waits that are longer than proxies like, and whose address the master
// sees.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <sys/socket.h>

#include <fstream>
#include <iterator>
#include <thread>

#include "master/http/unique_fd.h"
#include "tests/e2e/cluster.h"

using namespace docket::e2e;

namespace {

// The address of a client that is not the proxy's.
constexpr const char* kClient = "127.0.0.2";
// Longer than nginx (60 s) and HAProxy's `timeout client` would wait by themselves.
constexpr const char* kLongRun = "import time; time.sleep(65); print('patient')";

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Free when it was asked for; neither proxy tells which one it was given.
std::string free_address() {
  const docket::http::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  REQUIRE(::bind(socket.get(), generic, size) == 0);
  REQUIRE(::getsockname(socket.get(), generic, &size) == 0);
  return "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
}

// Every `from`, of which there must be one.
void replace(std::string& text, const std::string& from, const std::string& to) {
  REQUIRE_MESSAGE(text.find(from) != std::string::npos, from);
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

struct Doors {
  std::string jobe = free_address();
  std::string ops = free_address();
};

// A cluster that wants tokens on loopback too, a certificate, and clients that come from afar.
class Site {
 public:
  Site() {
    cluster.add_host("lab-1", 2);
    const Ended made = cluster.docket({"tokens", "create", "ana", "--role", "admin", "--source"});
    REQUIRE_MESSAGE(made.status == 0, made.err);
    token = made.out.substr(0, made.out.size() - 1);
    cluster.restart_master({"--ops-tokens", "--trusted-proxy", "127.0.0.1"});
    const Ended certified =
        run("/usr/bin/openssl",
            {"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-keyout", key(), "-out", certificate(), "-days", "2", "-subj", "/CN=docket",
             "-addext", "subjectAltName=IP:127.0.0.1"},
            cluster.folder());
    REQUIRE_MESSAGE(certified.status == 0, certified.err);
    std::ofstream(combined()) << text_of(certificate()) << text_of(key());
  }

  std::string key() const { return cluster.folder() + "/docket.key"; }
  std::string certificate() const { return cluster.folder() + "/docket.pem"; }
  std::string combined() const { return cluster.folder() + "/docket.combined.pem"; }

  std::unique_ptr<Process> start_nginx(const Doors& doors) const {
    std::string site = text_of(std::string(DOCKET_SOURCE_DIR) + "/docs/tls/nginx.conf");
    set_addresses(site);
    replace(site, "listen 4443 ssl", "listen " + doors.jobe + " ssl");
    replace(site, "listen 443 ssl", "listen " + doors.ops + " ssl");
    replace(site, "/etc/ssl/docket/docket.pem", certificate());
    replace(site, "/etc/ssl/docket/docket.key", key());
    const std::string folder = cluster.folder();
    std::ofstream(folder + "/site.conf") << site;
    std::ofstream(folder + "/nginx.conf")
        << "daemon off;\nuser root;\npid " << folder << "/nginx.pid;\nerror_log " << folder
        << "/nginx.log;\nevents {}\nhttp {\naccess_log off;\n"
        << "client_body_temp_path " << folder << "/nginx-body;\nproxy_temp_path " << folder
        << "/nginx-proxy;\nfastcgi_temp_path " << folder << "/nginx-f;\nuwsgi_temp_path " << folder
        << "/nginx-u;\nscgi_temp_path " << folder << "/nginx-s;\ninclude " << folder
        << "/site.conf;\n}\n";
    return std::make_unique<Process>(
        "/usr/sbin/nginx", std::vector<std::string>{"-p", folder, "-c", folder + "/nginx.conf"},
        folder);
  }

  std::unique_ptr<Process> start_haproxy(const Doors& doors) const {
    std::string text = text_of(std::string(DOCKET_SOURCE_DIR) + "/docs/tls/haproxy.cfg");
    set_addresses(text);
    replace(text, "bind :4443 ssl", "bind " + doors.jobe + " ssl");
    replace(text, "bind :443 ssl", "bind " + doors.ops + " ssl");
    replace(text, "/etc/ssl/docket/docket.combined.pem", combined());
    const std::string file = cluster.folder() + "/haproxy.cfg";
    std::ofstream(file) << text;
    return std::make_unique<Process>("/usr/sbin/haproxy",
                                     std::vector<std::string>{"-db", "-f", file}, cluster.folder());
  }

  // What curl says of `url`, its status behind the body.
  std::string curl(const std::string& url, std::vector<std::string> options = {}) const {
    options.insert(options.begin(), {"-s", "--noproxy", "*", "--cacert", certificate(),
                                     "--interface", kClient, "-w", " %{http_code}"});
    options.push_back(url);
    return run("/usr/bin/curl", options, cluster.folder(), {}, 120'000).out;
  }
  std::vector<std::string> with_token(std::vector<std::string> more = {}) const {
    more.insert(more.end(), {"-H", "Authorization: Bearer " + token});
    return more;
  }

  Cluster cluster;
  std::string token;

 private:
  void set_addresses(std::string& text) const {
    const std::string jobe = cluster.jobe("");
    replace(text, "127.0.0.1:4000", jobe.substr(7, jobe.find('/', 7) - 7));
    replace(text, "127.0.0.1:4001", cluster.ops_url().substr(7));
  }
};

void check_through(const Site& site, const Doors& doors, const std::string& proxy) {
  CAPTURE(proxy);
  const std::string jobe = "https://" + doors.jobe + "/jobe/index.php/restapi/";
  const std::string ops = "https://" + doors.ops;
  REQUIRE(eventually(20'000, [&] { return site.curl(ops + "/healthz") == "ok\n 200"; }));
  // The proxy is on loopback, and no token comes with that.
  CHECK(site.curl(ops + "/api/v1/status").ends_with(" 401"));
  CHECK(site.curl(ops + "/api/v1/status", site.with_token()).ends_with(" 200"));
  CHECK(site.curl(ops + "/", {}).find("<form method=\"post\"") != std::string::npos);
  const std::string in =
      site.curl(ops + "/api/v1/session",
                {"-i", "--data-urlencode", "token=" + site.token, "-H", "Origin: " + ops});
  CHECK(in.find("303") != std::string::npos);
  CHECK(in.find("; Secure") != std::string::npos);
  CHECK(site.curl(ops + "/api/v1/backup", site.with_token({"-H", "Content-Type: application/json",
                                                           "-H", "X-Forwarded-For: 6.6.6.6", "-d",
                                                           "{\"name\":\"" + proxy + ".db\"}"}))
            .ends_with(" 200"));
  const std::string audit = site.curl(ops + "/api/v1/audit?limit=1", site.with_token());
  CHECK(audit.find("\"on\":\"" + proxy + ".db\",\"why\":\"\",\"from\":\"" + kClient + "\"") !=
        std::string::npos);

  const std::string body = site.cluster.folder() + "/" + proxy + ".json";
  std::ofstream(body) << run_body("python3", "print(6 * 7)");
  CHECK(site.curl(jobe + "runs", {"-d", "@" + body}).find("\"stdout\":\"42\\n\"") !=
        std::string::npos);
  CHECK(site.curl(ops + "/jobe/index.php/restapi/runs", site.with_token({"-d", "@" + body}))
            .find("\"stdout\":\"42\\n\"") != std::string::npos);
  // As large as support files may be.
  const std::string file = site.cluster.folder() + "/" + proxy + ".file";
  std::ofstream(file) << "{\"file_contents\":\"" << std::string(80'000'000, 'A') << "\"}";
  CHECK(site.curl(jobe + "files/large" + proxy, {"-X", "PUT", "--data-binary", "@" + file})
            .ends_with(" 204"));

  const Ended login =
      run("/bin/sh",
          {"-c",
           "printf '" + site.token + "\\n' | \"$0\" login \"$1\" --ca-file \"$2\" && \"$0\" audit",
           program("docket"), ops, site.certificate()},
          site.cluster.folder(),
          {"XDG_CONFIG_HOME=" + site.cluster.folder() + "/home-" + proxy, "DOCKET_MASTER="});
  CHECK_MESSAGE(login.status == 0, login.err);
  CHECK(login.out.find(proxy + ".db") != std::string::npos);
  // Without the certificate's issuer nothing is said to whoever is there.
  CHECK(site.cluster.docket({"--master", ops, "status"}).status == 5);
}

}  // namespace

TEST_SUITE("e2e tls") {
  TEST_CASE("behind nginx and HAProxy: both listeners, long waits, and the right addresses") {
    const Site site;
    const Doors by_nginx;
    const Doors by_haproxy;
    const auto nginx = site.start_nginx(by_nginx);
    const auto haproxy = site.start_haproxy(by_haproxy);
    check_through(site, by_nginx, "nginx");
    check_through(site, by_haproxy, "haproxy");

    const std::string body = site.cluster.folder() + "/long.json";
    std::ofstream(body) << run_body("python3", kLongRun, {{"parameters", {{"cputime", 60}}}});
    std::string answers[2];
    std::thread other([&] {
      answers[0] = site.curl("https://" + by_nginx.jobe + "/jobe/index.php/restapi/runs",
                             {"-d", "@" + body});
    });
    answers[1] = site.curl("https://" + by_haproxy.jobe + "/jobe/index.php/restapi/runs",
                           {"-d", "@" + body});
    other.join();
    for (const auto& answer : answers) {
      CHECK_MESSAGE(answer.find("\"stdout\":\"patient\\n\"") != std::string::npos, answer);
    }
  }
}
