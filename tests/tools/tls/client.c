// Sends a message by TLS and reads the answer: `client PORT MESSAGE`. To be linked with OpenSSL's static libraries.
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[1])) };
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *connection = SSL_new(context);
	char answer[4096];
	// As in peer.py.
	usleep(2500000);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) || !SSL_set_fd(connection, fd) || SSL_connect(connection) != 1)
		return 1;
	if (SSL_write(connection, argv[2], strlen(argv[2])) <= 0 || SSL_read(connection, answer, sizeof(answer)) <= 0)
		return 1;
	return 0;
}
