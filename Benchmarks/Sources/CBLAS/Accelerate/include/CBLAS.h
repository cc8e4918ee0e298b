#include <Accelerate/Accelerate.h>
