#include <sodium/crypto_auth_hmacsha256.h>
#include <sodium/crypto_shorthash_siphash24.h>
#include <sodium/utils.h>
